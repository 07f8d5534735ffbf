/*
 * Positions in a building of which only the places of the access points are known.
 *
 *   cc locate.c $(pkg-config --cflags --libs rssfix) -o locate && ./locate
 *
 * No heap: the building lies in constants (flash), the locator in an array of its own. A device
 * feeds it what its radio hears; here three scans stand for that.
 */
#include <inttypes.h>
#include <stdio.h>

#include "rssfix.h"

/* The building: three access points on each of two floors of 20 m x 12 m. Ids ascend, because they
 * are looked up by halving; x is east, y north, in metres. `rssfix firmware site.rssfix` writes
 * this part from a bundle. */
static const uint64_t ap_id[] = {UINT64_C(0xaabbcc001100), UINT64_C(0xaabbcc001110),
    UINT64_C(0xaabbcc001120), UINT64_C(0xaabbcc001200), UINT64_C(0xaabbcc001210),
    UINT64_C(0xaabbcc001220)};
static const double ap_xy_m[] = {2, 2, 18, 3, 10, 11, 3, 10, 17, 10, 9, 1};
static const int32_t ap_floor[] = {0, 0, 0, 1, 1, 1};
static const rssfix_floor floors[] = {
    {0, {0.5, 0.5, 1.0, 12, 20}, NULL, 0}, {1, {0.5, 0.5, 1.0, 12, 20}, NULL, 0}};
/* How levels tell distances: log-distance path loss with textbook constants (docs/hapi.md). */
static const rssfix_path_loss_method path_loss = {{-35, 3, 8, 2, -90}, 0.05, 30};
/* From the spread of the map to the radius that holds the truth in 68 % of the fixes. */
static const double spread_m[] = {1, 3, 8};
static const double radius_m[] = {1.5, 3, 7};

static const rssfix_site site = {.ap_id = ap_id,
    .ap_xy_m = ap_xy_m,
    .ap_floor = ap_floor,
    .ap_count = sizeof ap_id / sizeof *ap_id,
    .floors = floors,
    .floor_count = sizeof floors / sizeof *floors,
    .floor_attenuation_db = 20,
    .cap_dbm = -30,
    .strongest = 6,
    .path_loss = &path_loss,
    .spread_m = spread_m,
    .radius_m = radius_m,
    .accuracy_count = sizeof spread_m / sizeof *spread_m,
    .min_matched_aps = 2,
    .max_age_ms = 10000,
    .low_confidence_m = 4,
    .floor_window_ms = 6000,
    .position_window_ms = 3000};

/* rssfix_locator_size says how much: print it once at your desk, then write it down. */
static uint64_t memory[2048];

static int failed(rssfix_status status) {
  char text[128];
  if (status.code == RSSFIX_OK)
    return 0;
  (void)rssfix_status_text(status, text, sizeof text);
  (void)fprintf(stderr, "locate: %s\n", text);
  return 1;
}

int main(void) {
  static const char* const words[] = {
      "ok", "low confidence", "too few access points", "out of area", "stale scan"};
  static const rssfix_reading heard[3][4] = {
      {{UINT64_C(0xaabbcc001100), -48, 100}, {UINT64_C(0xaabbcc001110), -71, 100},
          {UINT64_C(0xaabbcc001120), -63, 100}, {UINT64_C(0xaabbcc001220), -80, 100}},
      {{UINT64_C(0xaabbcc001100), -55, 100}, {UINT64_C(0xaabbcc001110), -66, 100},
          {UINT64_C(0xaabbcc001120), -61, 100}, {UINT64_C(0x123456789abc), -70, 100}},
      {{UINT64_C(0xaabbcc001200), -50, 100}, {UINT64_C(0xaabbcc001220), -60, 100},
          {UINT64_C(0xaabbcc001210), -69, 100}, {UINT64_C(0xaabbcc001100), -79, 100}}};
  rssfix_track_rules rules = rssfix_default_track_rules();
  rules.window_entries = 16; /* enough for scans every 400 ms or slower */
  rules.floor_votes = 1;     /* changes floors at once */

  size_t size = 0;
  rssfix_locator* locator = NULL;
  if (failed(rssfix_locator_size(&site, &rules, &size)))
    return 1;
  printf("rssfix %s, %s kernels, locator of %zu bytes\n", rssfix_version(), rssfix_simd(), size);
  if (failed(rssfix_locator_init(memory, sizeof memory, &site, &rules, &locator)))
    return 1;
  for (int i = 0; i < 3; ++i) {
    rssfix_fix fix;
    if (failed(rssfix_locator_update(locator, 8000 * (int64_t)i, heard[i], 4, &fix)))
      return 1;
    printf("%" PRId64 " ms: %s", fix.timestamp_ms, words[fix.status]);
    if (fix.has_position)
      printf(", x %.1f m, y %.1f m, floor %" PRId32 ", within %.1f m in 68 %% of the cases",
          fix.x_m, fix.y_m, fix.floor, fix.accuracy_m);
    printf(", %" PRIu32 " access points\n", fix.matched_aps);
  }
  return 0;
}
