// Every path of the state root, made in one place.
//
//   ROOT/state.db                        jobs, parts, calls
//   ROOT/locks/NAME.lock                 one lock a job, outside its directory
//   ROOT/jobs/NAME/input.zst             what was piped in
//   ROOT/jobs/NAME/unsent.ordinals       the items that are in no request, where there are any
//   ROOT/jobs/NAME/0001.requests.jsonl   a part's request file, built ahead of need, removed once settled; of a job
//   with
//                                        --compress, once uploaded
//   ROOT/jobs/NAME/0001.ids.jsonl        the user's ids of a part's items, where its request file does not tell them
//   ROOT/jobs/NAME/0004.ordinals         the items of a part that holds a list
//   ROOT/jobs/NAME/0001.digests          what each of a part's items asks, in their order, 16 bytes each
//   ROOT/jobs/NAME/0004.leaders          of a part of copies: the ordinals that its items are copied from, in their
//                                        order, eight bytes each, low one first
//   ROOT/jobs/NAME/0001.output.jsonl     output and error files as they came; outcomes refer to them, so that they stay
//                                        as they are for as long as the job is there
//   ROOT/jobs/NAME/0001.errors.jsonl
//   ROOT/jobs/NAME/0001.output.jsonl.zst the same in frames (base/frames.hpp), of a job with --compress, as is
//                                        0001.errors.jsonl.zst; real-time parts' become so before they are settled.
//                                        Places in them count unpacked bytes
//   ROOT/jobs/NAME/0001.batch.json       a batch that failed as a whole, as the server told it
//   ROOT/jobs/NAME/0001.outcomes         sorted outcomes of a settled part; where they became others, by `retry` or
//                                        another --accept, 0001.outcomes-1, and so on
//   ROOT/jobs/NAME/0001.left             what a settled part left to a child
//   ROOT/jobs/NAME/0001.quarantine.jsonl lines that were not used
//   ROOT/jobs/NAME/.tmp-cleaned          the user wants the job removed; of a job that is still known, it means nothing
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace batchwright::store {

/// The paths inside one job's directory, wherever that stands (a plan is made in a temporary one).
class JobLayout {
public:
  explicit JobLayout(std::filesystem::path directory) : m_directory(std::move(directory)) {}

  const std::filesystem::path& directory() const { return m_directory; }
  std::filesystem::path input() const { return m_directory / "input.zst"; }
  std::filesystem::path unsent() const { return m_directory / "unsent.ordinals"; }
  std::filesystem::path cleaned() const { return m_directory / ".tmp-cleaned"; }
  std::filesystem::path requests(int part) const { return file(part, "requests.jsonl"); }
  std::filesystem::path ordinals(int part) const { return file(part, "ordinals"); }
  std::filesystem::path digests(int part) const { return file(part, "digests"); }
  std::filesystem::path leaders(int part) const { return file(part, "leaders"); }
  std::filesystem::path output(int part) const { return file(part, "output.jsonl"); }
  std::filesystem::path errors(int part) const { return file(part, "errors.jsonl"); }
  std::filesystem::path batch(int part) const { return file(part, "batch.json"); }
  std::filesystem::path outcomes(int part, int version) const;
  std::filesystem::path left(int part) const { return file(part, "left"); }
  std::filesystem::path left_free(int part) const { return file(part, "left-free"); }
  std::filesystem::path left_halved(int part) const { return file(part, "left-halved"); }
  std::filesystem::path ids(int part) const { return file(part, "ids.jsonl"); }
  std::filesystem::path quarantine(int part) const { return file(part, "quarantine.jsonl"); }

private:
  std::filesystem::path file(int part, std::string_view what) const;
  std::filesystem::path m_directory;
};

/// Where an output file stands when it is packed.
std::filesystem::path packed(std::filesystem::path output);
/// Where an output file stands, packed or not; if there is none, where it would if it were not.
std::filesystem::path as_it_stands(const std::filesystem::path& output);

class Layout {
public:
  explicit Layout(std::filesystem::path root) : m_root(std::move(root)) {}

  const std::filesystem::path& root() const { return m_root; }
  std::filesystem::path database() const { return m_root / "state.db"; }
  std::filesystem::path jobs() const { return m_root / "jobs"; }
  std::filesystem::path locks() const { return m_root / "locks"; }
  JobLayout job(const std::string& name) const { return JobLayout{jobs() / name}; }
  std::filesystem::path lock(const std::string& name) const { return locks() / (name + ".lock"); }

  /// Makes the directories, mode 0700. Throws `Fault::config` on a network file system, `Fault::storage`.
  void prepare() const;

private:
  std::filesystem::path m_root;
};

} // namespace batchwright::store
