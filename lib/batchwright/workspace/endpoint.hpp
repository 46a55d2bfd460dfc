// Where the settings lead: the one place that turns what was configured into what http is opened with.
#pragma once

#include <batchwright/config/settings.hpp>
#include <batchwright/http/transport.hpp>

namespace batchwright {

/// Where the settings lead, without the key. Throws `Fault::config` for what cannot be used, naming where it was set.
http::Endpoint endpoint_of(const config::Settings& settings);

} // namespace batchwright
