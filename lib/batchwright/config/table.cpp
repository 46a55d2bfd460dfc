#include <batchwright/config/table.hpp>

#include <algorithm>
#include <numeric>

namespace batchwright::config {
namespace {

/// Letters to change, add or leave out to make one word of the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b)
{
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
    }
  }
  return row.back();
}

} // namespace

const std::vector<Setting>& table()
{
  static const std::vector<Setting> settings{
      {"profile", Kind::text, {"BATCHWRIGHT_PROFILE"}},
      {"home", Kind::path, {"BATCHWRIGHT_HOME"}},
      // How a key is looked for is more than a row: see settings.cpp. So is which proxy goes with which server.
      {"api_key", Kind::key},
      {"api_key_file", Kind::key_file},
      {"admin_key", Kind::key, {"OPENAI_ADMIN_KEY"}},
      {"base_url", Kind::text, {"OPENAI_BASE_URL"}},
      {"organization", Kind::text, {"OPENAI_ORG_ID"}},
      {"project", Kind::text, {"OPENAI_PROJECT_ID"}},
      {"allow_http", Kind::flag},
      {"cacert", Kind::path, {"SSL_CERT_FILE"}},
      {"proxy", Kind::proxy},
      {"no_proxy", Kind::text, {"NO_PROXY", "no_proxy"}},
      {"model", Kind::text},
      {"max_output_tokens", Kind::number},
      {"requests_per_part", Kind::number},
      {"bytes_per_part", Kind::number},
      {"fallback", Kind::text},
      {"max_attempts", Kind::number},
      {"keep_requests", Kind::flag},
      {"compress", Kind::flag},
      {"rpm", Kind::number},
      {"tpm", Kind::number},
      {"max_in_flight", Kind::number},
      {"headroom", Kind::share},
      {"burst", Kind::text},
      {"prices", Kind::path},
  };
  return settings;
}

const Setting* find_setting(std::string_view name)
{
  const auto& all = table();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Setting& s) { return s.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& words)
{
  std::string_view best;
  auto least = std::max<std::size_t>(2, word.size() / 3) + 1; // further away is another word
  for (const auto other : words) {
    const auto away = distance(word, other);
    if (away >= least) continue;
    least = away;
    best = other;
  }
  return best;
}

} // namespace batchwright::config
