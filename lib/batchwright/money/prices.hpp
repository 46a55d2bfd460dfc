#pragma once
#include <string_view>
namespace batchwright::money {
std::string_view built_in_prices();
}
