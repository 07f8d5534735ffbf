#include <new>
#include <type_traits>

#include "arena.hpp"
#include "inner.hpp"
#include "rssfix/scan_window.hpp"

using namespace rssfix;
using rssfix::c::none_missing;
using rssfix::c::plain;

struct rssfix_window {
  ScanWindow window;
};
static_assert(std::is_trivially_destructible_v<rssfix_window>);

namespace {

struct Layout {
  rssfix_window* window;
  float* levels;
  WindowEntry* entries;
};

Layout lay_out(std::size_t ap_count, std::size_t most_entries, Arena& arena) noexcept {
  Layout layout{};
  layout.window = arena.take<rssfix_window>(1);
  layout.levels = arena.take<float>(ScanWindow::levels_needed(ap_count, most_entries));
  layout.entries = arena.take<WindowEntry>(ScanWindow::entries_needed(most_entries));
  return layout;
}

bool fits(std::size_t ap_count, std::size_t most_entries) noexcept {
  constexpr std::size_t most = SIZE_MAX / 32;
  return most_entries < most && ap_count < most / (most_entries + 2);
}

} // namespace

size_t rssfix_window_size(size_t ap_count, size_t most_entries) {
  if (!fits(ap_count, most_entries))
    return 0;
  Arena arena(nullptr);
  lay_out(ap_count, most_entries, arena);
  return arena.used();
}

rssfix_status rssfix_window_init(void* memory, size_t size, size_t ap_count, int64_t window_ms,
    size_t most_entries, rssfix_window** out) {
  if (out == nullptr)
    return plain({Code::missing, Argument::out});
  if (!fits(ap_count, most_entries))
    return plain({Code::out_of_range, Argument::most_entries});
  Status status = c::check_memory(memory, size, rssfix_window_size(ap_count, most_entries));
  if (!status.ok())
    return plain(status);
  Arena arena(memory);
  const Layout layout = lay_out(ap_count, most_entries, arena);
  ScanWindow window;
  status = window.init(ap_count, window_ms, most_entries, layout.levels, layout.entries);
  if (status.ok())
    *out = new (layout.window) rssfix_window{window};
  return plain(status);
}

rssfix_status rssfix_window_add(
    rssfix_window* window, int64_t timestamp_ms, const float* rssi_dbm) {
  const Status given = none_missing({{window, Argument::memory}, {rssi_dbm, Argument::rssi_dbm}});
  return plain(given.ok() ? window->window.add(timestamp_ms, rssi_dbm, 0, 0) : given);
}

rssfix_status rssfix_window_united(const rssfix_window* window, float* rssi_dbm) {
  const Status given = none_missing({{window, Argument::memory}, {rssi_dbm, Argument::rssi_dbm}});
  if (given.ok())
    window->window.united(rssi_dbm);
  return plain(given);
}

void rssfix_window_clear(rssfix_window* window) {
  if (window != nullptr)
    window->window.clear();
}
