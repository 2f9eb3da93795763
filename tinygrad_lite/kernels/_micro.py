"""The innermost block of a matrix product, and the transposing copy that feeds it.

    micro   C[i, j] = init[i, j] + sum_k A[i, k] B[k, j]      i < rows, j < columns vectors

A is read where it lies, whatever its strides: one number of each row is spread over a vector and
multiplied with the vectors of a row of B, whose numbers must be neighbours. All sums stay in
registers for the whole length of k. Operands are addresses; strides count numbers.
"""

from __future__ import annotations

from typing import Any

from ._gemm import _target, _Writer, lanes
from ._jit import Late

__all__ = ["COLUMNS", "lanes", "micro", "micro_few", "micro_half", "micro_half_few", "rows",
           "transpose"]  # fmt: skip

COLUMNS = 2
"""Vectors in a row of the block of sums."""


def rows() -> tuple[int, int]:
    """Rows of the block of sums, and of the small block for what is left over."""
    return (12, 4) if _target()[1] == 32 else (6, 2)


def _make_micro(few: bool, columns: int) -> Any:
    from numba import types
    from numba.extending import intrinsic

    count = rows()[few]

    @intrinsic
    def micro(_context, c, ldc, init, ldi, a, si, sk, b, ldb, k, valid, like):
        signature = types.void(*[types.int64] * 11, like)

        def codegen(context, builder, signature, args):
            write = _Writer(context, builder, signature.args[-1].dtype)
            pointer = write.scalar.as_pointer()
            c, ldc, init, ldi, a, si, sk, b, ldb, k, valid, _ = args
            c, init, a, b = (builder.inttoptr(x, pointer) for x in (c, init, a, b))
            last = builder.sub(valid, write.constant(1))
            starts = []
            for i in range(count):  # rows that do not exist repeat the last one that does
                fits = builder.icmp_signed("<", write.constant(i), valid)
                row = builder.select(fits, write.constant(i), last)
                starts.append(write.at(a, builder.mul(row, si)))

            def body(r: Any, sums: list[Any]) -> list[Any]:
                row = write.at(b, builder.mul(r, ldb))
                vectors = [
                    write.load_vector(write.at(row, v * write.lanes)) for v in range(columns)
                ]
                place = builder.mul(r, sk)
                results = []
                for i in range(count):
                    factor = write.splat(builder.load(write.at(starts[i], place)))
                    for v in range(columns):
                        total = sums[i * columns + v]
                        results.append(write.multiply_add(factor, vectors[v], total))
                return results

            zero = write.ir.Constant(write.vector, None)
            sums = write.accumulate(k, 1, [zero] * (count * columns), body)
            for i in range(count):
                row = write.at(c, builder.mul(ldc, write.constant(i)))
                before = write.at(init, builder.mul(ldi, write.constant(i)))
                for v in range(columns):
                    old = write.load_vector(write.at(before, v * write.lanes))
                    total = builder.fadd(old, sums[i * columns + v])
                    write.store_vector(total, write.at(row, v * write.lanes))
            return context.get_dummy_value()

        return signature, codegen

    return micro


def _make_transpose() -> Any:
    """to[k * ldt + j] = x[j * ldx + k] for j, k < lanes: a square of one vector a side."""
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def transpose(_context, to, ldt, x, ldx, like):
        signature = types.void(*[types.int64] * 4, like)

        def codegen(context, builder, signature, args):
            write = _Writer(context, builder, signature.args[-1].dtype)
            ir, n = write.ir, write.lanes
            pointer = write.scalar.as_pointer()
            to, ldt, x, ldx, _ = args
            to, x = builder.inttoptr(to, pointer), builder.inttoptr(x, pointer)
            block = [
                write.load_vector(write.at(x, builder.mul(ldx, write.constant(j))))
                for j in range(n)
            ]
            # Swap ever larger off-diagonal squares: of 1, 2, 4, ... numbers a side.
            size = 1
            while size < n:
                keep = [i if not i & size else i - size + n for i in range(n)]
                swap = [i + size if not i & size else i + n for i in range(n)]
                kind = ir.VectorType(ir.IntType(32), n)
                following = list(block)
                for i in range(n):
                    if not i & size:
                        pair = block[i], block[i + size]
                        following[i] = builder.shuffle_vector(*pair, ir.Constant(kind, keep))
                        following[i + size] = builder.shuffle_vector(*pair, ir.Constant(kind, swap))
                block = following
                size *= 2
            for k in range(n):
                write.store_vector(block[k], write.at(to, builder.mul(ldt, write.constant(k))))
            return context.get_dummy_value()

        return signature, codegen

    return transpose


micro = Late(lambda: _make_micro(False, COLUMNS))
micro_half = Late(lambda: _make_micro(False, 1))
micro_few = Late(lambda: _make_micro(True, COLUMNS))
micro_half_few = Late(lambda: _make_micro(True, 1))
transpose = Late(_make_transpose)
