#include "tests/input/input_fixture.hpp"
#include "tests/support/packing.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/input/pins.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sys/stat.h>

#include <ctime>

using namespace batchwright;
namespace fs = std::filesystem;
using tests::error_of;
using tests::FreshDirectory;
using tests::read_all;
using tests::says;

namespace {

PinnedInput folder(const FreshDirectory& dir)
{
  return {.path = dir.path().native(), .format = InputFormat::files};
}

std::string paths(const std::vector<tests::Seen>& items)
{
  std::string all;
  for (const auto& item : items)
    all += item["path"] + '|';
  return all;
}

Error change_of(input::Pins& pins)
{
  try {
    pins.check();
  } catch (const Error& e) {
    return e;
  }
  return {Fault::bug, "nothing was thrown"};
}

/// Waits until the times of what was written vouch for it.
void let_times_settle(const fs::path& last)
{
  while (file_witness(last).empty())
    ::nanosleep(std::array<timespec, 1>{timespec{0, 20'000'000}}.data(), nullptr);
}

} // namespace

TEST_SUITE_BEGIN("input::files");

TEST_CASE("a folder gives an item a file, byte-wise by relative path, what is hidden left out")
{
  const FreshDirectory dir;
  for (const auto* name :
       {"b.txt", "a/z", "a/b/c", "a.txt", "a-b", "B", "\xc3\xa9", "a/.hidden", ".git/config", "empty/.x"})
    dir.file(name, std::string{"of "} + name);
  const auto items = read_all({folder(dir)});
  CHECK(paths(items) == "B|a-b|a.txt|a/b/c|a/z|b.txt|\xc3\xa9|");
  CHECK(items[3]["text"] == "of a/b/c");
  CHECK(items[3].mark.ordinal == 3);
}

TEST_CASE("a file goes in exact: line ends, NUL and blanks stay, a byte order mark goes, an empty one is an item")
{
  const FreshDirectory dir;
  dir.file("a", "\xef\xbb\xbf"
                "one\r\ntwo\n");
  dir.file("b", "");
  dir.file("c", {" \0\t\n", 4});
  dir.file("d.txt.gz", tests::gzipped("packed"));
  dir.file("e.zst", tests::zstandard("\xef\xbb\xbftoo"));
  const auto items = read_all({folder(dir)});
  REQUIRE(items.size() == 5);
  CHECK(items[0]["text"] == "one\r\ntwo\n");
  CHECK(items[1]["text"].empty());
  CHECK(items[2]["text"] == std::string{" \0\t\n", 4});
  CHECK(items[3]["path"] == "d.txt.gz");
  CHECK(items[3]["text"] == "packed");
  CHECK(items[4]["text"] == "too");
}

TEST_CASE("a stream over a folder starts at any of its items")
{
  const FreshDirectory dir;
  for (int i = 0; i < 20; ++i)
    dir.file(fmt::format("{:02}/{}", i / 5, i), std::string(static_cast<std::size_t>(i % 3), 'x'));
  const auto all = read_all({folder(dir)});
  REQUIRE(all.size() == 20);
  for (std::size_t n = 0; n < all.size(); ++n) {
    const auto rest = read_all({folder(dir)}, {}, all[n].mark);
    REQUIRE(rest.size() == all.size() - n);
    CHECK(rest.front().fields == all[n].fields);
    CHECK(rest.front().mark == all[n].mark);
    CHECK(rest.back().mark == all.back().mark);
  }
}

TEST_CASE("links to files are followed, links to folders are not, so that a loop ends")
{
  const FreshDirectory dir;
  const FreshDirectory elsewhere;
  dir.file("a", "x");
  fs::create_symlink(elsewhere.file("there", "linked"), dir / "link");
  fs::create_directory_symlink(dir.path(), dir / "loop");
  const auto items = read_all({folder(dir)});
  CHECK(paths(items) == "a|link|");
  CHECK(items[1]["text"] == "linked");
}

TEST_CASE("what is no file is refused by name, or put aside")
{
  const FreshDirectory dir;
  dir.file("z", "x");
  fs::create_symlink(dir / "gone", dir / "dangling");
  ::mkfifo((dir / "pipe").c_str(), 0600);
  const auto fault = error_of({folder(dir)});
  CHECK(fault.fault() == Fault::input);
  CHECK(says(fault, "dangling: a link that leads nowhere"));
  CHECK(fault.place()->file == (dir / "dangling").native());
  CHECK(says(error_of({folder(dir)}, {.skip_bad = 1, .on_skipped = {}}), "pipe: not a regular file"));
  CHECK(paths(read_all({folder(dir)}, {.skip_bad = 2, .on_skipped = {}})) == "z|");
}

TEST_CASE("bytes that are not UTF-8 are told with file, line and byte")
{
  const FreshDirectory dir;
  dir.file("sub/a.txt", "\xef\xbb\xbfone\ntw\xffo");
  const auto fault = error_of({folder(dir)});
  CHECK(fault.fault() == Fault::input);
  REQUIRE(fault.place());
  CHECK(fault.place()->file == (dir / "sub/a.txt").native());
  CHECK(fault.place()->line == 2);
  CHECK(fault.place()->byte == 9);
  CHECK(says(fault, "sub/a.txt, line 2 (byte 9): bytes that are not UTF-8"));
}

TEST_CASE("UTF-16, broken packing and files over the limit are bad records as others")
{
  const FreshDirectory dir;
  dir.file("a", {"\xff\xfeh\0", 4});
  dir.file("b.gz", tests::gzipped(std::string(5'000, 'y')).substr(0, 20));
  dir.file("c", std::string(input::longest_record + 1, 'c'));
  dir.file("d", std::string(input::longest_record, 'd'));
  std::vector<std::string> aside;
  const auto items =
      read_all({folder(dir)}, {.skip_bad = 3, .on_skipped = [&](const Error& e) { aside.emplace_back(e.what()); }});
  REQUIRE(aside.size() == 3);
  CHECK(aside[0].find("UTF-16") != std::string::npos);
  CHECK(aside[1].find("ends too soon") != std::string::npos);
  CHECK(aside[2].find("longer than 16 MiB") != std::string::npos);
  REQUIRE(items.size() == 1);
  CHECK(items[0]["text"].size() == input::longest_record);
}

TEST_CASE("names of hostile shape are text like others; one that is not UTF-8 is told in escapes")
{
  const FreshDirectory dir;
  const std::string longest(255, 'n');
  for (const auto& name : {std::string{"\"quote\""}, std::string{"a,b"}, std::string{"line\nfeed"},
                           std::string{"\x1b[31mred"}, std::string{"a..b"}, std::string{"{{text}}"}, longest})
    dir.file(name, name);
  const auto items = read_all({folder(dir)});
  REQUIRE(items.size() == 7);
  for (const auto& item : items)
    CHECK(item["path"] == item["text"]);

  dir.file("caf\xe9/x", "y");
  const auto fault = error_of({folder(dir)});
  CHECK(fault.fault() == Fault::input);
  CHECK(says(fault, "caf\\xe9/x: its name is not UTF-8"));
  CHECK(json::is_utf8(fault.place()->file));
}

TEST_CASE("an item of a folder is named by its file, in an error of its mark too")
{
  const FreshDirectory dir;
  dir.file("a", "x");
  dir.file("b/c", "y");
  const auto items = read_all({folder(dir)});
  const auto fault = input::fault_at(folder(dir), items[1].mark, "is wrong");
  CHECK(std::string{fault.what()} == "reading " + (dir / "b/c").native() + ": is wrong");
  CHECK(fault.place()->file == (dir / "b/c").native());
  CHECK(fault.place()->line == 0);
}

TEST_CASE("a folder is pinned by names, sizes and contents, wherever it stands")
{
  const FreshDirectory one;
  const FreshDirectory two;
  for (const auto* dir : {&one, &two}) {
    dir->file("a", "12");
    dir->file("b/c", "345");
  }
  const auto pinned = input::pin(one.path().native() + "/", InputFormat::automatic);
  CHECK(pinned.path == fs::canonical(one.path()).native());
  CHECK(pinned.format == InputFormat::files);
  CHECK(pinned.bytes == 5);
  const auto digest = [&] { return input::pin(two.path(), InputFormat::files).sha256; };
  CHECK(digest() == pinned.sha256);
  two.file("a", "21");
  CHECK(digest() != pinned.sha256);
  two.file("a", "12");
  CHECK(digest() == pinned.sha256);
  two.file(".x", "hidden");
  CHECK(digest() == pinned.sha256);
  two.file("d", "");
  CHECK(digest() != pinned.sha256);
  fs::remove(two / "d");
  fs::rename(two / "a", two / "A");
  CHECK(digest() != pinned.sha256);
}

TEST_CASE("a folder that changed is refused, and the file named where its times tell")
{
  const FreshDirectory dir;
  dir.file("a", "1");
  dir.file("b/c", "2");
  const auto last = dir.file("d", "3");

  input::Pins fresh{{input::pin(dir.path(), InputFormat::automatic)}}; // before the times vouch for anything
  fresh.check();
  dir.file("b/c", "9");
  CHECK(says(change_of(fresh), "the folder has changed since the job was made (same size, other bytes)"));
  dir.file("b/c", "2");
  fresh.check();

  let_times_settle(dir / "b/c");
  const auto pinned = input::pin(dir.path(), InputFormat::automatic);
  CHECK_FALSE(pinned.witness.empty());
  input::Pins pins{{pinned}};
  pins.check();
  dir.file("b/c", "9");
  CHECK(change_of(pins).fault() == Fault::input);
  CHECK(says(change_of(pins), "(b/c is new or was changed)"));
  dir.file("b/c", "2");
  pins.check(); // as it was: the digest tells
  fs::remove(last);
  CHECK(change_of(pins).fault() == Fault::input);
}

TEST_CASE("a file of a settled folder that is gone is counted")
{
  const FreshDirectory dir;
  dir.file("a", "1");
  let_times_settle(dir.file("b", "2"));
  input::Pins pins{{input::pin(dir.path(), InputFormat::automatic)}};
  fs::remove(dir / "a");
  CHECK(says(change_of(pins), "(it had 2 files, now 1)"));
}

TEST_CASE("a folder is read as files alone, and files are folders alone")
{
  const FreshDirectory dir;
  const auto file = dir.file("a.csv", "x\n1\n");
  const auto fault_of = [](const std::string& path, InputFormat format) {
    try {
      input::pin(path, format);
    } catch (const Error& e) {
      return e.fault();
    }
    return Fault::bug;
  };
  CHECK(fault_of(dir.path(), InputFormat::csv) == Fault::usage);
  CHECK(fault_of(file, InputFormat::files) == Fault::usage);
  CHECK(fault_of("/dev/null", InputFormat::automatic) == Fault::storage);
}

TEST_SUITE_END();
