// What is piped in, kept in a file, since it is read more than once. Comes in: a descriptor. Goes out: a file that the
// readers take as any other, packed by zstd; what is packed already is kept as it comes. Memory is a block.
#pragma once

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace batchwright::input {

/// How many bytes were read so far.
using OnSpooled = std::function<void(std::uint64_t bytes)>;

/// Reads `from` to its end. Throws `Fault::interrupted` when the user asks to stop, `Fault::storage` where it cannot be
/// read or written.
void spool(int from, UnnamedFile& to, const Interrupt& interrupt, const OnSpooled& on_spooled = {});

/// As `pin`, for what was spooled: size and digest are those of the content, however it is packed, so that the same
/// content is known again, in a file too. Its format is told by content alone.
PinnedInput pin_spooled(const UnnamedFile& file, InputFormat format, Empty empty = Empty::refuse);

/// An error about the spooled file as the user reads it, who knows no such file.
Error told_of_stdin(const Error& error, const UnnamedFile& file);

} // namespace batchwright::input
