#include <batchwright/model/model_name.hpp>

#include <algorithm>
#include <array>

namespace batchwright {
namespace {

/// How names of snapshots end; `d` stands for a digit, `mM` for a month.
constexpr std::array<std::string_view, 4> endings{"-dddd-dd-dd", "-dddddddd", "-mMdd", "-vd"};

bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

bool fits(char c, char f)
{
  if (f == 'm') return c == '0' || c == '1';
  return f == 'd' || f == 'M' ? is_digit(c) : c == f;
}

bool ends_as(std::string_view name, std::string_view form)
{
  if (name.size() <= form.size()) return false;
  const auto tail = name.substr(name.size() - form.size());
  return std::equal(tail.begin(), tail.end(), form.begin(), fits);
}

} // namespace

std::string_view shared_name(std::string_view model)
{
  for (const auto form : endings)
    if (ends_as(model, form)) return model.substr(0, model.size() - form.size());
  return model;
}

} // namespace batchwright
