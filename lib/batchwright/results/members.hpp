// The items of one part by their custom_ids. Comes in: the part, its list and, where ids are the user's, its request
// file or its file of ids. Goes out: which item a custom_id means, and the other way round. Memory: one part's ordinals
// and ids.
#pragma once

#include <batchwright/model/pack_id.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/results/results.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace batchwright::results {

/// Items are known by their place in the part, counted from 0 in ascending order of ordinals.
class Members {
public:
  /// Throws `Fault::storage` where a file cannot be read, `Fault::bug` where the request file is not this part's.
  Members(const Part& part, const SettleFiles& files, bool user_ids);
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  std::size_t size() const noexcept { return m_size; }
  /// Neighbours in the part: the items of one request.
  struct Places {
    std::size_t begin = 0;
    std::size_t items = 1;
  };
  /// The items that a custom_id means; nothing where they are not neighbours in this part, to the last one.
  std::optional<Places> find(std::string_view custom_id) const;
  Ordinal ordinal(std::size_t place) const { return m_listed.empty() ? m_first + place : m_listed[place]; }
  /// The item's own custom_id: where packs hide the user's ids, that of the user.
  std::string custom_id(std::size_t place) const;
  /// Whether requests carry other custom_ids than their items.
  bool hides_ids() const { return !m_hidden.empty(); }

private:
  void read_ids(const std::filesystem::path& requests);
  std::vector<std::string> listed_ids(const std::filesystem::path& ids) const;
  std::optional<std::size_t> find_ordinal(Ordinal ordinal) const;
  bool stand_at(std::size_t begin, const PackId& pack) const;

  std::size_t m_size;
  Ordinal m_first;
  std::vector<Ordinal> m_listed = {}; // empty: a range
  bool m_user_ids;
  std::vector<std::string> m_ids = {}; // the user's, by place
  std::unordered_map<std::string_view, std::uint32_t> m_places = {};
  std::vector<std::string> m_hidden = {}; // the user's, by place, where requests are packs
};

} // namespace batchwright::results
