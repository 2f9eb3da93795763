"""Register-blocked inner loops of products and convolutions, as LLVM vector code.

What numba makes of a triple loop reaches a tenth of a core's peak: its accumulators live in
memory. These intrinsics keep a block of sums in registers over the whole contraction, which is
the one thing a compiler does not find by itself. Two loops serve everything:

    tile   out[i, j] = init[i] + sum_r a[r, i] * b[at[r] + j]      j over vectors
    dots   out[i, j] += sum_q a[i, q] * b[at[j] + q]               q over vectors

Rows of b are reached through a table of offsets: with a stride in it `tile` is a matrix product
with b as it lies in memory, with the taps of a kernel in it a convolution without unfolding. The
number of lanes, rows and columns of a block follow from the host's vector registers.

Everything here is built when the first kernel that names it is compiled; nothing runs without
numba.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import _threads
from ._jit import Late

__all__ = [
    "add_run",
    "block",
    "copy_every_other",
    "copy_run",
    "dots",
    "lanes",
    "product",
    "product_one",
    "row_dots",
    "row_tile",
    "row_tile_one",
    "tile",
    "tile_one",
    "tile_two",
]


@functools.cache
def _target() -> tuple[int, int]:
    """(bytes of a vector register, number of them) of the machine numba compiles for."""
    _threads.load_numba()  # which settles the vector width
    from numba.core.registry import cpu_target

    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    if "+avx512f" in features.split(","):
        return 64, 32
    if "+avx" in features.split(","):
        return 32, 16
    return 16, 16 if triple.startswith(("x86", "i")) else 32


def block() -> tuple[int, int]:
    """Rows and vectors of a block of sums: as many as leave registers for the operands."""
    return (8, 3) if _target()[1] == 32 else (4, 3)


def lanes(itemsize: int) -> int:
    """Numbers of this size in one vector."""
    return _target()[0] // itemsize


class _Writer:
    """The pieces of LLVM code that both loops are made of, for one element type."""

    def __init__(self, context: Any, builder: Any, element: Any) -> None:
        from llvmlite import ir

        self.ir, self.builder, self.context = ir, builder, context
        self.size = element.bitwidth // 8
        self.lanes = lanes(self.size)
        self.scalar = context.get_value_type(element)
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.index = ir.IntType(64)
        self.bits = element.bitwidth

    def constant(self, value: int) -> Any:
        return self.ir.Constant(self.index, value)

    def pointer(self, array_type: Any, array: Any, offset: Any) -> Any:
        data = self.context.make_array(array_type)(self.context, self.builder, array).data
        return self.builder.gep(data, [offset])

    def at(self, pointer: Any, offset: Any) -> Any:
        return self.builder.gep(
            pointer, [self.constant(offset) if isinstance(offset, int) else offset]
        )

    def load_vector(self, pointer: Any) -> Any:
        where = self.builder.bitcast(pointer, self.vector.as_pointer())
        return self.builder.load(where, align=self.size)

    def store_vector(self, value: Any, pointer: Any) -> None:
        where = self.builder.bitcast(pointer, self.vector.as_pointer())
        self.builder.store(value, where, align=self.size)

    def splat(self, value: Any) -> Any:
        ir = self.ir
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        return self.builder.shuffle_vector(first, undefined, mask)

    def multiply_add(self, x: Any, y: Any, z: Any) -> Any:
        """x * y + z: one instruction where the machine has it, two where it has not."""
        from numba.core import cgutils

        name = f"llvm.fmuladd.v{self.lanes}f{self.bits}"
        signature = self.ir.FunctionType(self.vector, [self.vector] * 3)
        call = cgutils.get_or_insert_function(self.builder.module, signature, name)
        return self.builder.call(call, [x, y, z])

    def totals(self, vectors: list[Any]) -> list[Any]:
        """The sum of each vector's lanes, side by side in as few vectors as hold them.

        Adding halves of two vectors into one, again and again, takes a third of the steps of
        summing each on its own.
        """
        ir, n = self.ir, self.lanes
        undefined = ir.Constant(self.vector, ir.Undefined)
        zero = ir.Constant(self.vector, None)

        def pick(x: Any, y: Any, order: list[int]) -> Any:
            order += [0] * (n - len(order))
            mask = ir.Constant(ir.VectorType(ir.IntType(32), n), order)
            return self.builder.shuffle_vector(x, y, mask)

        packed = []
        for start in range(0, len(vectors), n):
            group = vectors[start : start + n]
            while len(group) & (len(group) - 1):
                group.append(zero)
            parts = n  # lanes that one sum is spread over, side by side; sum k starts at k * parts
            while len(group) > 1:
                half, sums = parts // 2, 2 * n // parts
                order = [k * parts + j for k in range(sums) for j in range(half)]
                group = [
                    self.builder.fadd(pick(x, y, order), pick(x, y, [i + half for i in order]))
                    for x, y in zip(group[::2], group[1::2], strict=True)
                ]
                parts = half
            (last,) = group
            sums = n // parts
            while parts > 1:
                half = parts // 2
                order = [k * parts + j for k in range(sums) for j in range(half)]
                upper = pick(last, undefined, [i + half for i in order])
                last = self.builder.fadd(pick(last, undefined, order), upper)
                parts = half
            packed.append(last)
        return packed

    def accumulate(self, count: Any, step: int, start: list[Any], body: Any) -> list[Any]:
        """sums = start; for i in range(0, count, step): sums = body(i, sums); return sums."""
        builder = self.builder
        before = builder.block
        loop = builder.append_basic_block("loop")
        after = builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed(">", count, self.constant(0)), loop, after)
        builder.position_at_end(loop)
        i = builder.phi(self.index)
        i.add_incoming(self.constant(0), before)
        sums = [builder.phi(self.vector) for _ in start]
        results = body(i, sums)
        following = builder.add(i, self.constant(step))
        i.add_incoming(following, loop)
        for phi, first, result in zip(sums, start, results, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(result, loop)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
        builder.position_at_end(after)
        out = [builder.phi(self.vector) for _ in start]
        for phi, first, result in zip(out, start, results, strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(result, loop)
        return out


def _outlined(
    context: Any,
    builder: Any,
    name: str,
    values: list[Any],
    element: Any,
    emit: Callable[..., None],
) -> None:
    """Calls a function of its own that `emit` writes, from every place that names it.

    In line, a loop this size would be compiled again for each of them.
    """
    from llvmlite import ir

    kind = ir.FunctionType(ir.VoidType(), [value.type for value in values])
    name = f"tinygrad_lite_{name}_{element}_{lanes(element.bitwidth // 8)}"
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, kind, name)
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        inside = ir.IRBuilder(function.append_basic_block("entry"))
        emit(_Writer(context, inside, element), *function.args)
        inside.ret_void()
    builder.call(function, values)


def _make_tile(rows: int, columns: int) -> Any:
    """out[oo + i * ldo + j] = init[io + i] + sum_r a[ao + r * rows + i] * b[bo + at[fo + r] + j].

    i < rows, j < columns vectors, r < count. init and a are packed in blocks of `rows`.
    """
    from numba import types
    from numba.extending import intrinsic

    def emit(write, to, ldo, first, left, right, table, count):
        builder = write.builder

        def body(r, sums):
            row = write.at(right, builder.load(write.at(table, r)))
            vectors = [write.load_vector(write.at(row, v * write.lanes)) for v in range(columns)]
            column = write.at(left, builder.mul(r, write.constant(rows)))
            results = []
            for i in range(rows):
                factor = write.splat(builder.load(write.at(column, i)))
                for v in range(columns):
                    total = sums[i * columns + v]
                    results.append(write.multiply_add(factor, vectors[v], total))
            return results

        start = []
        for i in range(rows):
            start += [write.splat(builder.load(write.at(first, i)))] * columns
        sums = write.accumulate(count, 1, start, body)
        for i in range(rows):
            row = write.at(to, builder.mul(ldo, write.constant(i)))
            for v in range(columns):
                write.store_vector(sums[i * columns + v], write.at(row, v * write.lanes))

    @intrinsic
    def tile(_context, out, oo, ldo, init, io, a, ao, b, bo, at, fo, count):
        integer = types.intp
        signature = types.void(
            out, integer, integer, init, integer, a, integer, b, integer, at, integer, integer
        )

        def codegen(context, builder, signature, args):
            write = _Writer(context, builder, out.dtype)
            types_ = signature.args
            to = write.pointer(types_[0], args[0], args[1])
            first = write.pointer(types_[3], args[3], args[4])
            left = write.pointer(types_[5], args[5], args[6])
            right = write.pointer(types_[7], args[7], args[8])
            table = write.pointer(types_[9], args[9], args[10])

            values = [to, args[2], first, left, right, table, args[11]]
            _outlined(context, builder, f"tile_{rows}_{columns}", values, out.dtype, emit)
            return context.get_dummy_value()

        return signature, codegen

    return tile


def _make_product(rows: int, columns: int) -> Any:
    """out[oo + i * ldo + j] += sum_r a[ao + i * lda + r] * b[bo + r * ldb + j].

    i < valid <= rows, j < columns vectors, r < count. Rows that do not exist repeat the last.
    """
    from numba import types
    from numba.extending import intrinsic

    def emit(write, to, ldo, left, lda, right, ldb, count, valid):
        builder = write.builder
        last = builder.sub(valid, write.constant(1))
        lines, starts = [], []
        for i in range(rows):
            fits = builder.icmp_signed("<", write.constant(i), valid)
            row = builder.select(fits, write.constant(i), last)
            lines.append(write.at(to, builder.mul(ldo, row)))
            starts.append(write.at(left, builder.mul(lda, row)))

        def body(r, sums):
            row = write.at(right, builder.mul(r, ldb))
            vectors = [write.load_vector(write.at(row, v * write.lanes)) for v in range(columns)]
            results = []
            for i in range(rows):
                factor = write.splat(builder.load(write.at(starts[i], r)))
                for v in range(columns):
                    total = sums[i * columns + v]
                    results.append(write.multiply_add(factor, vectors[v], total))
            return results

        places = [write.at(line, v * write.lanes) for line in lines for v in range(columns)]
        sums = write.accumulate(count, 1, [write.load_vector(p) for p in places], body)
        for place, total in zip(places, sums, strict=True):
            write.store_vector(total, place)

    @intrinsic
    def product(_context, out, oo, ldo, a, ao, lda, b, bo, ldb, count, valid):
        integer = types.intp
        signature = types.void(
            out, integer, integer, a, integer, integer, b, integer, integer, integer, integer
        )

        def codegen(context, builder, signature, args):
            write = _Writer(context, builder, out.dtype)
            types_ = signature.args
            to = write.pointer(types_[0], args[0], args[1])
            left = write.pointer(types_[3], args[3], args[4])
            right = write.pointer(types_[6], args[6], args[7])
            values = [to, args[2], left, args[5], right, args[8], args[9], args[10]]
            _outlined(context, builder, f"product_{rows}_{columns}", values, out.dtype, emit)
            return context.get_dummy_value()

        return signature, codegen

    return product


def _make_dots(rows: int, columns: int) -> Any:
    """out[oo + i * columns + j] += sum_q a[ao + i * lda + q] * b[bo + at[fo + j] + q].

    i < rows, j < columns, q < count rounded up to whole vectors: one of a and b must be zero there
    and the other finite. out is written in whole vectors too.
    """
    from numba import types
    from numba.extending import intrinsic

    def emit(write, to, left, lda, right, table, count):
        builder = write.builder
        starts = [write.at(left, builder.mul(lda, write.constant(i))) for i in range(rows)]
        others = [write.at(right, builder.load(write.at(table, j))) for j in range(columns)]

        def body(q, sums):
            vectors = [write.load_vector(write.at(other, q)) for other in others]
            results = []
            for i in range(rows):
                factor = write.load_vector(write.at(starts[i], q))
                for j in range(columns):
                    total = sums[i * columns + j]
                    results.append(write.multiply_add(factor, vectors[j], total))
            return results

        zero = write.ir.Constant(write.vector, None)
        sums = write.accumulate(count, write.lanes, [zero] * (rows * columns), body)
        for k, total in enumerate(write.totals(sums)):
            where = write.at(to, k * write.lanes)
            write.store_vector(builder.fadd(write.load_vector(where), total), where)

    @intrinsic
    def dots(_context, out, oo, a, ao, lda, b, bo, at, fo, count):
        integer = types.intp
        signature = types.void(out, integer, a, integer, integer, b, integer, at, integer, integer)

        def codegen(context, builder, signature, args):
            write = _Writer(context, builder, out.dtype)
            types_ = signature.args
            to = write.pointer(types_[0], args[0], args[1])
            left = write.pointer(types_[2], args[2], args[3])
            right = write.pointer(types_[5], args[5], args[6])
            table = write.pointer(types_[7], args[7], args[8])
            values = [to, left, args[4], right, table, args[9]]
            _outlined(context, builder, f"dots_{rows}_{columns}", values, out.dtype, emit)
            return context.get_dummy_value()

        return signature, codegen

    return dots


def _make_copy(step: int) -> Any:
    """to[at + k] = x[start + k * step] for k < count; step is 1 or 2.

    Whole vectors, the last of which overlaps the one before; what is shorter than a vector is done
    in halves, quarters, single numbers. memcpy takes longer to be called than such a row takes.
    """
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def copy(_context, to, at, x, start, count):
        signature = types.void(to, types.intp, x, types.intp, types.intp)

        def codegen(context, builder, signature, args):
            write = _Writer(context, builder, to.dtype)
            ir = write.ir
            target = write.pointer(signature.args[0], args[0], args[1])
            source = write.pointer(signature.args[2], args[2], args[3])
            count = args[4]
            end = builder.append_basic_block("copied")

            def move(k: Any, width: int) -> None:
                vector = ir.VectorType(write.scalar, width)
                from_ = write.at(source, builder.mul(k, write.constant(step)))

                def load(offset: int) -> Any:
                    where = builder.bitcast(write.at(from_, offset), vector.as_pointer())
                    return builder.load(where, align=write.size)

                if step == 1:
                    value = load(0)
                else:  # the second load ends on the last number wanted, not one behind it
                    order = [i if i < width else i + 1 for i in range(0, 2 * width, 2)]
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), width), order)
                    value = builder.shuffle_vector(load(0), load(width - 1), mask)
                where = builder.bitcast(write.at(target, k), vector.as_pointer())
                builder.store(value, where, align=write.size)

            width = write.lanes
            while width >= 2:
                fits = builder.append_basic_block("fits")
                less = builder.append_basic_block("less")
                long = builder.icmp_signed(">=", count, write.constant(width))
                builder.cbranch(long, fits, less)
                builder.position_at_end(fits)
                last = builder.sub(count, write.constant(width))
                loop = builder.append_basic_block("loop")
                rest = builder.append_basic_block("rest")
                builder.cbranch(builder.icmp_signed(">", last, write.constant(0)), loop, rest)
                builder.position_at_end(loop)
                k = builder.phi(write.index)
                k.add_incoming(write.constant(0), fits)
                move(k, width)
                following = builder.add(k, write.constant(width))
                k.add_incoming(following, loop)
                builder.cbranch(builder.icmp_signed("<", following, last), loop, rest)
                builder.position_at_end(rest)
                move(last, width)
                builder.branch(end)
                builder.position_at_end(less)
                width //= 2
            with builder.if_then(builder.icmp_signed(">", count, write.constant(0))):
                builder.store(builder.load(source), target)
            builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return signature, codegen

    return copy


def _make_add_run() -> Any:
    """to[at + k] += x[start + k] for k < count: whole vectors, then halves of what is left."""
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def add_run(_context, to, at, x, start, count):
        signature = types.void(to, types.intp, x, types.intp, types.intp)

        def codegen(context, builder, signature, args):
            write = _Writer(context, builder, to.dtype)
            target = write.pointer(signature.args[0], args[0], args[1])
            source = write.pointer(signature.args[2], args[2], args[3])
            count = args[4]

            def add(k: Any, width: int) -> None:
                vector = write.ir.VectorType(write.scalar, width).as_pointer()
                here = builder.bitcast(write.at(target, k), vector)
                there = builder.bitcast(write.at(source, k), vector)
                values = builder.load(here, align=write.size), builder.load(there, align=write.size)
                builder.store(builder.fadd(*values), here, align=write.size)

            def body(k: Any, sums: list[Any]) -> list[Any]:
                add(k, write.lanes)
                return sums

            done = builder.and_(count, write.constant(-write.lanes))
            write.accumulate(done, write.lanes, [], body)
            width = write.lanes // 2
            while width:
                half = builder.and_(count, write.constant(width))
                with builder.if_then(builder.icmp_signed("!=", half, write.constant(0))):
                    add(done, width)
                done = builder.add(done, half)
                width //= 2
            return context.get_dummy_value()

        return signature, codegen

    return add_run


# `columns` of a tile are vectors; the narrower ones are for what is left at the end of a row, the
# single rows for convolutions with one feature a group.
tile = Late(lambda: _make_tile(*block()))
tile_two = Late(lambda: _make_tile(block()[0], 2))
tile_one = Late(lambda: _make_tile(block()[0], 1))
row_tile = Late(lambda: _make_tile(1, 4))
row_tile_one = Late(lambda: _make_tile(1, 1))
product = Late(lambda: _make_product(*block()))
product_one = Late(lambda: _make_product(block()[0], 1))
dots = Late(lambda: _make_dots(*block()))
row_dots = Late(lambda: _make_dots(1, block()[1]))
add_run = Late(_make_add_run)
copy_run = Late(lambda: _make_copy(1))
copy_every_other = Late(lambda: _make_copy(2))
