/* The golden walk through the C locator: once with malloc, once in memory of the caller's. */
#include "golden_reader.h"
#include "rssfix.h"

void rank_locator(const char* from, const char* end, void (*note)(const void*, size_t));

static void must(rssfix_status status) {
  char text[160];
  if (status.code == RSSFIX_OK)
    return;
  (void)rssfix_status_text(status, text, sizeof text);
  (void)fprintf(stderr, "locator: %s\n", text);
  exit(1);
}

static rssfix_floor* floors_of(const char* from, const char* end, size_t* count) {
  const array number_of = numbers(from, end, "floor");
  const array origin = numbers(from, end, "floor_origin_m");
  const array pitch = numbers(from, end, "floor_pitch_m");
  const array height = numbers(from, end, "floor_height");
  const array width = numbers(from, end, "floor_width");
  const array cells = numbers(from, end, "floor_cell_count");
  const uint32_t* walkable = uint32s(numbers(from, end, "floor_cells"));
  rssfix_floor* floors = calloc(number_of.count, sizeof *floors);
  *count = number_of.count;
  for (size_t f = 0; f < *count; ++f) {
    const rssfix_grid grid = {origin.values[2 * f], origin.values[2 * f + 1], pitch.values[f],
        (size_t)height.values[f], (size_t)width.values[f]};
    floors[f].floor = (int32_t)number_of.values[f];
    floors[f].grid = grid;
    floors[f].cell_count = (size_t)cells.values[f];
    floors[f].cells = floors[f].cell_count == 0 ? NULL : walkable;
    walkable += floors[f].cell_count;
  }
  return floors;
}

void rank_locator(const char* from, const char* end, void (*note)(const void*, size_t)) {
  static const rssfix_quality quality = {1, {-0.05, 0.01, -0.02, 0.1}, 0.5, 0.5, 50};
  static const rssfix_path_loss_method path_loss = {{-35, 3, 8, 2, -90}, 0.05, 30};
  const array ids = numbers(from, end, "ap_id");
  const array mean_m = numbers(from, end, "mean_m");
  const array spread_m = numbers(from, end, "spread_m");
  const rssfix_rank_method ranks = {numbers(from, end, "edges_dbm").values, mean_m.values,
      numbers(from, end, "sigma_m").values, mean_m.count, RSSFIX_SUM,
      number(from, end, "threshold")};
  rssfix_site site;
  memset(&site, 0, sizeof site);
  site.ap_id = uint64s(ids);
  site.ap_xy_m = numbers(from, end, "ap_xy_m").values;
  site.ap_floor = int32s(numbers(from, end, "ap_floor"));
  site.ap_count = ids.count;
  site.floors = floors_of(from, end, &site.floor_count);
  site.floor_attenuation_db = number(from, end, "floor_attenuation_db");
  site.cap_dbm = number(from, end, "cap_dbm");
  site.strongest = (size_t)number(from, end, "strongest");
  site.ranks = mean_m.count > 0 ? &ranks : NULL;
  site.path_loss = mean_m.count > 0 ? NULL : &path_loss;
  site.offset_db = number(from, end, "offset_db");
  site.quality = number(from, end, "quality") > 0 ? &quality : NULL;
  site.spread_m = spread_m.values;
  site.radius_m = numbers(from, end, "radius_m").values;
  site.accuracy_count = spread_m.count;
  site.min_matched_aps = (uint32_t)number(from, end, "min_matched_aps");
  site.max_age_ms = (int64_t)number(from, end, "max_age_ms");
  site.low_confidence_m = number(from, end, "low_confidence_m");
  site.floor_window_ms = (int64_t)number(from, end, "floor_window_ms");
  site.position_window_ms = (int64_t)number(from, end, "position_window_ms");
  rssfix_track_rules rules = rssfix_default_track_rules();
  rules.accel_sigma = number(from, end, "accel_sigma");
  rules.gap_ms = (int64_t)number(from, end, "gap_ms");
  rules.floor_votes = (size_t)number(from, end, "floor_votes");

  size_t size = 0;
  rssfix_locator* created = NULL;
  rssfix_locator* placed = NULL;
  must(rssfix_locator_size(&site, &rules, &size));
  void* memory = malloc(size);
  must(rssfix_locator_create(&site, &rules, &created));
  must(rssfix_locator_init(memory, size, &site, &rules, &placed));

  const array time_ms = numbers(from, end, "time_ms");
  const array start = numbers(from, end, "start");
  const array ap = numbers(from, end, "ap");
  const array dbm = numbers(from, end, "dbm");
  const array age_ms = numbers(from, end, "age_ms");
  const array status = numbers(from, end, "fix_status");
  const array expected_x_m = numbers(from, end, "fix_x_m");
  rssfix_reading* readings = calloc(ap.count, sizeof *readings);
  for (size_t i = 0; i < ap.count; ++i) {
    readings[i].ap_id = (uint64_t)ap.values[i];
    readings[i].rssi_dbm = (float)dbm.values[i];
    readings[i].age_ms = (int32_t)age_ms.values[i];
  }
  for (size_t step = 0; step < time_ms.count; ++step) {
    const size_t first = (size_t)start.values[step];
    const size_t count = (size_t)start.values[step + 1] - first;
    const int64_t now_ms = (int64_t)time_ms.values[step];
    rssfix_fix fix;
    rssfix_fix again;
    memset(&fix, 0, sizeof fix);
    memset(&again, 0, sizeof again);
    must(rssfix_locator_update(created, now_ms, readings + first, count, &fix));
    must(rssfix_locator_update(placed, now_ms, readings + first, count, &again));
    if (memcmp(&fix, &again, sizeof fix) != 0 || fix.status != (int32_t)status.values[step] ||
        fabs(fix.x_m - expected_x_m.values[step]) > 2e-4) {
      (void)fprintf(stderr, "step %zu: x %.6f, status %d\n", step, fix.x_m, (int)fix.status);
      exit(1);
    }
    note(&fix.x_m, sizeof(double));
    note(&fix.y_m, sizeof(double));
    note(&fix.accuracy_m, sizeof(double));
  }
  rssfix_locator_destroy(created);
  free(memory);
}
