/* Scans from standard input through the locator of "site.h", which `rssfix firmware` wrote.
 * A line: time_ms, number of readings, and for each its id (hex), dBm and age_ms. */
#include <inttypes.h>
#include <stdio.h>

#include "site.h"

enum { most_readings = 256 };
static uint64_t memory[1 << 16];

static int failed(rssfix_status status) {
  char text[160];
  if (status.code == RSSFIX_OK)
    return 0;
  (void)rssfix_status_text(status, text, sizeof text);
  (void)fprintf(stderr, "%s\n", text);
  return 1;
}

int main(void) {
  static rssfix_reading readings[most_readings];
  const rssfix_track_rules rules = rssfix_default_track_rules();
  rssfix_locator* locator = NULL;
  int64_t time_ms = 0;
  size_t count = 0;
  if (failed(rssfix_locator_init(memory, sizeof memory, &site, &rules, &locator)))
    return 1;
  while (scanf("%" SCNd64 " %zu", &time_ms, &count) == 2 && count <= most_readings) {
    rssfix_fix alone;
    rssfix_fix fix;
    for (size_t i = 0; i < count; ++i)
      if (scanf("%" SCNx64 " %f %" SCNd32, &readings[i].ap_id, &readings[i].rssi_dbm,
              &readings[i].age_ms) != 3)
        return 2;
    if (failed(rssfix_locator_locate(locator, time_ms, readings, count, &alone)) ||
        failed(rssfix_locator_update(locator, time_ms, readings, count, &fix)))
      return 1;
    for (int i = 0; i < 2; ++i) {
      const rssfix_fix* one = i == 0 ? &alone : &fix;
      printf("%d %d %d %u %.17g %.17g %.17g\n", (int)one->status, (int)one->has_position,
          (int)one->floor, (unsigned)one->matched_aps, one->x_m, one->y_m, one->accuracy_m);
    }
  }
  return 0;
}
