#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/config/account.hpp>
#include <batchwright/engine/reconcile.hpp>
#include <batchwright/http/retry.hpp>
#include <batchwright/workspace/endpoint.hpp>
#include <batchwright/workspace/own_prices.hpp>
#include <batchwright/workspace/workspace.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <thread>
#include <utility>

namespace batchwright {
namespace {

constexpr Millis between_looks{250};

/// Whether the job has come to its end here, or asking the server could bring more.
bool is_settled(const JobView& view)
{
  return view.state == JobState::done && !engine::needs_server(view);
}

/// How much may go at once in real time: limits may be enforced over a second.
Millis burst_of(const config::Settings& settings)
{
  const auto& value = settings["burst"];
  if (!value.is_set()) return Millis{1'000};
  constexpr Millis longest{60'000};
  const auto burst = parse_duration(value.text);
  if (burst && *burst > Millis{0} && *burst <= longest) return *burst;
  throw config::blame(Error{Fault::config, fmt::format("`burst` is {}: expected a duration up to a minute", value.text),
                            "for example burst = \"500ms\""},
                      value);
}

void refuse_pending(const JobView& view, results::Pending pending)
{
  if (pending == results::Pending::leave_out || view.items.pending() == 0) return;
  throw Error{Fault::unfinished,
              fmt::format("{}: {} of {} items are pending{}{}", view.job, view.items.pending(), view.items.items,
                          view.message.empty() ? "" : ": ", view.message),
              "wait for them, or ask for what is there without them"};
}

/// What is built in, with the user's own prices before it.
money::PriceTable prices_in(const config::Settings& settings)
{
  const auto file = own_prices(settings);
  if (file.empty()) return money::built_in_table();
  try {
    return money::built_in_table().overridden_by(money::PriceTable{read_file(file)});
  } catch (const Error& e) {
    const auto placed = Error{e}.in(file.native());
    const auto& named = settings["prices"];
    throw named.is_set() ? config::blame(placed, named) : placed;
  }
}

} // namespace

struct Workspace::State {
  State(const std::filesystem::path& root, const config::Settings& settings, Observer& observer)
      : prices(prices_in(settings)),
        layout(root),
        store((layout.prepare(), layout.database())),
        tools(tools_with(observer))
  {
  }

  /// Files that have no name are made in the temporary directory.
  State(const config::Settings& settings, Observer& observer)
      : prices(prices_in(settings)),
        layout(std::filesystem::temp_directory_path()),
        store(store::Store::In::memory),
        tools(tools_with(observer))
  {
  }

  engine::Tools tools_with(Observer& observer)
  {
    return {store, layout, prices, wire::openai(), system_clock(), process_interrupt(), observer};
  }

  money::PriceTable prices;
  store::Layout layout;
  store::Store store;
  engine::Tools tools;
};

struct Workspace::Connection {
  config::Account account = {};
  std::unique_ptr<http::Transport> plain = {};
  std::unique_ptr<http::Transport> retrying = {};
  std::unique_ptr<api::Client> client = {};
  std::unique_ptr<engine::Server> server = {};
};

config::Settings process_settings(const config::Given& given)
{
  return config::load(given, config::process_variables(), wire::openai().default_base_url);
}

Observer& no_observer()
{
  class Deaf final : public Observer {
    void on(const Event&) override {}
  };
  static Deaf deaf;
  return deaf;
}

Workspace::Workspace(config::Settings settings, Observer& observer)
    : m_settings(std::move(settings)), m_root(config::state_root(m_settings)), m_observer(observer)
{
}

Workspace::Workspace(config::Settings settings, std::filesystem::path root, Observer& observer)
    : m_settings(std::move(settings)), m_root(std::move(root)), m_observer(observer)
{
}

Workspace::Workspace(config::Settings settings, Without, Observer& observer)
    : m_settings(std::move(settings)), m_has_root(false), m_observer(observer)
{
}

Workspace::~Workspace() = default;

const std::filesystem::path& Workspace::root() const
{
  return m_root;
}

bool Workspace::exists() const
{
  return m_has_root && std::filesystem::exists(store::Layout{m_root}.database());
}

engine::Tools& Workspace::tools()
{
  if (!m_state) {
    m_state = m_has_root ? std::make_unique<State>(m_root, m_settings, m_observer)
                         : std::make_unique<State>(m_settings, m_observer);
  }
  return m_state->tools;
}

engine::Server& Workspace::server()
{
  if (m_connection) return *m_connection->server;
  auto c = std::make_unique<Connection>();
  auto endpoint = endpoint_of(m_settings);
  c->account = config::read_account(m_settings);
  endpoint.key = config::read_key(m_settings);
  auto account = config::account_name(c->account, endpoint.key);
  c->plain = http::open(endpoint, process_interrupt());
  c->retrying = http::retrying(*c->plain, {}, http::sleep_unless(process_interrupt()));
  c->client = std::make_unique<api::Client>(*c->retrying, *c->plain, wire::openai());
  const auto open_caller = [this, endpoint] { return api::open_caller(endpoint, tools().layout.jobs()); };
  c->server = std::make_unique<engine::Server>(
      engine::Server{*c->client, std::move(account), c->account.base_url, open_caller, burst_of(m_settings)});
  m_connection = std::move(c);
  return *m_connection->server;
}

std::string Workspace::submit(engine::Ask ask)
{
  ask.job.account = server().account; // first of all: a missing key is said before a large input is read
  ask.job.base_url = server().base_url;
  const auto draft = engine::draft(tools(), ask);
  for (const auto& skipped : draft.skipped)
    m_observer.on(Note{Note::Level::warning, fmt::format("put aside: {}", skipped.what())});
  auto lock = engine::found(tools(), draft);
  const engine::Goal goal{.until = engine::Until::admitted, .sending = engine::Sending::yes};
  engine::advance(tools(), server(), draft.job.name, goal, std::move(lock));
  return draft.job.name;
}

JobView Workspace::wait(const std::string& job, std::optional<Millis> every)
{
  auto view = engine::look(tools(), job);
  if (is_settled(view)) return view;
  const engine::Goal goal{.until = engine::Until::ended, .sending = engine::Sending::yes, .every = every};
  return engine::advance(tools(), server(), job, goal);
}

JobView Workspace::collect(const std::string& job, engine::Goal goal, WhileHeld while_held)
{
  goal.sending = engine::Sending::no;
  for (;;) {
    auto view = engine::look(tools(), job);
    const bool done = view.state == JobState::done;
    const bool held = engine::is_held(tools(), job);
    if (!engine::needs_server(view) && (done || !held)) return view;
    if (done && held) return view;
    if (!held) {
      try {
        return engine::advance(tools(), server(), job, goal);
      } catch (const Error& error) {
        if (done) {
          m_observer.on(Note{Note::Level::warning,
                             fmt::format("batches that were given up were not asked for: {}", error.what())});
          return engine::look(tools(), job);
        }
        if (error.fault() != Fault::busy) throw; // busy: taken since we looked
      }
    }
    if (while_held == WhileHeld::look || process_interrupt().asked()) return view;
    std::this_thread::sleep_for(between_looks); // the other process does the work; we watch the store
  }
}

JobView Workspace::status(const std::string& job)
{
  return engine::look(tools(), job);
}

JobView Workspace::fetch(const std::string& job, const engine::Delivery& delivery)
{
  delivery.check();
  auto view = collect(job);
  refuse_pending(view, delivery.pending);
  engine::deliver(tools(), job, delivery, [](std::string_view bytes) {
    if (!write_all(STDOUT_FILENO, bytes)) throw_errno("writing", "standard output");
  });
  if (view.state == JobState::done) engine::record_fetched(tools(), job);
  return view;
}

Reconciliation Workspace::reconcile(const std::string& job)
{
  auto endpoint = endpoint_of(m_settings);
  endpoint.key = config::read_admin_key(m_settings);
  endpoint.project.clear(); // the key is the organisation's, and so are the figures
  const auto account = config::read_account(m_settings);
  engine::Scope scope{.base_url = account.base_url, .job = job};
  if (job.empty()) {
    const bool is_named = !account.organization.empty() || !account.project.empty();
    scope.account = config::account_name(account, is_named ? Secret{} : config::read_key(m_settings));
  }
  const auto plain = http::open(endpoint, process_interrupt());
  const auto retrying = http::retrying(*plain, {}, http::sleep_unless(process_interrupt()));
  api::UsageReader provider{*retrying};
  return engine::reconcile(tools(), provider, scope);
}

results::Merged Workspace::merge(const std::string& job, const results::Sink& sink,
                                 const results::MergeOptions& options)
{
  refuse_pending(engine::look(tools(), job), options.pending);
  return engine::merge(tools(), job, options, sink);
}

} // namespace batchwright
