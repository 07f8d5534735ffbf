/*
 * rssfix for firmware: positions from Wi-Fi and BLE signal strengths, on the device, offline.
 *
 * docs/c_api.md says how to build, link and use it; examples/c/locate.c is a whole program.
 *
 * Rules that hold for every call:
 *  - Memory is the caller's. Arrays are only read or filled, in C order, and no call keeps a
 *    pointer unless it says so. Nothing is allocated but by the rssfix_*_create functions, which
 *    call malloc once; firmware without a heap asks rssfix_*_size and uses rssfix_*_init.
 *  - Every call that can fail returns a rssfix_status; code RSSFIX_OK is 0. A call that fails
 *    changes nothing but its output arrays. Nothing aborts, throws or prints.
 *  - Calls without a handle may run in any number of threads. A handle belongs to one thread at a
 *    time; a rssfix_site is never written to and may be shared, and may lie in read-only memory.
 *  - Units stand in names: _m metres (x east, y north), _dbm, _db, _ms, _s. NaN in a fingerprint
 *    means "not heard". No output is NaN, but for levels where a window heard nothing.
 */
#ifndef RSSFIX_H
#define RSSFIX_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define RSSFIX_API __attribute__((visibility("default")))
#else
#define RSSFIX_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status ------------------------------------------------------------------------------ */

enum {
  RSSFIX_OK = 0,
  RSSFIX_EMPTY,                 /* a size is 0 */
  RSSFIX_NOT_FINITE,            /* NaN or infinite */
  RSSFIX_INFINITE,              /* infinite, where NaN would be allowed */
  RSSFIX_NEGATIVE,              /* < 0 or not finite */
  RSSFIX_NOT_POSITIVE,          /* <= 0 or not finite */
  RSSFIX_ZERO,                  /* 0, where it would be divided by */
  RSSFIX_OUT_OF_RANGE,          /* not among the values that this header names */
  RSSFIX_OVERFLOW,              /* finite, but the result would not be */
  RSSFIX_NOTHING_HEARD,         /* a scan of which every element is NaN */
  RSSFIX_BELOW_THRESHOLD,       /* no cell reaches the threshold */
  RSSFIX_ASYMMETRIC,            /* a covariance that differs from its transpose */
  RSSFIX_NOT_POSITIVE_DEFINITE, /* a covariance with a variance of 0 or less somewhere */
  RSSFIX_NOT_ASCENDING,         /* not above the one before */
  RSSFIX_GOES_BACK,             /* a time before the one before */
  RSSFIX_MISSING,               /* a null pointer */
  RSSFIX_MISALIGNED,            /* memory that does not begin at a multiple of 8 bytes */
  RSSFIX_TOO_SMALL,             /* less memory than the size function says */
  RSSFIX_OUT_OF_MEMORY          /* malloc failed */
};

/* What was wrong with which argument, and where: `index` counts its elements in C order. */
typedef struct rssfix_status {
  int32_t code;
  int32_t argument;
  size_t index;
} rssfix_status;

/* "ranks[3]: expected a value in range". Writes at most `size` bytes with the final 0; `text` may
 * be null where size is 0. Returns the length of the whole text, as snprintf does. */
RSSFIX_API size_t rssfix_status_text(rssfix_status status, char* text, size_t size);
/* Static strings; "" for numbers that are none. */
RSSFIX_API const char* rssfix_argument_name(int32_t argument);
RSSFIX_API const char* rssfix_expected(int32_t code);

/* Static strings: "0.1.0", and compiler and flags. */
RSSFIX_API const char* rssfix_version(void);
RSSFIX_API const char* rssfix_build_info(void);
/* The vector kernels in use: "baseline", "avx2" or "avx512", the best that the processor has
 * unless the environment variable RSSFIX_SIMD asks for less. rssfix_set_simd returns 1, or 0 where
 * the processor or the build lacks the level; not while other threads compute. */
RSSFIX_API const char* rssfix_simd(void);
RSSFIX_API int rssfix_set_simd(const char* level);

/* ---- Kernels ----------------------------------------------------------------------------- */

/* Square cells; the centre of cell (row, column) is origin + (column, row) * pitch. */
typedef struct rssfix_grid {
  double origin_x_m;
  double origin_y_m;
  double pitch_m;
  size_t height; /* rows, y */
  size_t width;  /* columns, x */
} rssfix_grid;

/* eXLoc, eq. 2: maps[b][R][C] = rssi[b][(C - R) mod n]. rssi batch x n, maps batch x n x n. */
RSSFIX_API rssfix_status rssfix_cyclic_map(const float* rssi, size_t batch, size_t n, float* maps);

/* Impact Score of eXLoc, eq. 5: scores[b][i] = mean over j of maps[b][j][(i + j) mod n]. */
RSSFIX_API rssfix_status rssfix_diagonal_mean(
    const float* maps, size_t batch, size_t n, float* scores);

/* iToLoc: image[j][k] = (rssi[j] - rssi[k]) / rssi[k]; rssi n values, never 0, image n x n. */
RSSFIX_API rssfix_status rssfix_ratio_image(const float* rssi, size_t n, float* image);

enum { RSSFIX_FLOOR_FEATURES = 8 };
/* Hapi, eq. 2-9: start[b], the lowest floor of the `span` (1 to 16) floors that a scan is about,
 * and features[b][span][8]: APs heard, largest level, mean, variance, mean level of installed APs
 * within 30 m, 80 m and "far" of the scan's centroid, largest distance between two heard.
 * ap_floor counts from 0 (the lowest) to floors - 1. */
RSSFIX_API rssfix_status rssfix_floor_features(const float* rssi_dbm, size_t batch,
    const double* ap_xy_m, const int32_t* ap_floor, size_t ap_count, size_t floors,
    double silent_dbm, size_t span, int32_t* start, float* features);

enum { RSSFIX_SUM = 0, RSSFIX_PRODUCT = 1, RSSFIX_TEMPERED = 2 };
/* Hapi, eq. 14: from AP i at ap_xy_m[2 i], ap_xy_m[2 i + 1] a normal density of the distance, mean
 * and deviation those of ranks[i]; combined and divided by the largest of the height x width cells.
 * Within 1e-5 of the exact value. */
RSSFIX_API rssfix_status rssfix_rank_pdf(const double* ap_xy_m, const int32_t* ranks,
    size_t ap_count, const double* mean_m, const double* sigma_m, size_t rank_count,
    const rssfix_grid* grid, int32_t combine, float* pdf);

/* Expected level: reference_dbm - 10 exponent log10(max(d, 1)) - the AP's extra loss. */
typedef struct rssfix_path_loss {
  double reference_dbm;
  double exponent;
  double sigma_db;        /* deviation of one level */
  double offset_sigma_db; /* deviation of the whole scan's level; 0 = none */
  double silence_dbm;     /* below it an AP is not heard */
} rssfix_path_loss;

/* Likelihood of a scan under a log-distance path loss; rssi_dbm NaN = not heard, weight = power of
 * an AP's likelihood, 0 leaves it out. Within 1e-4 of the exact value. */
RSSFIX_API rssfix_status rssfix_path_loss_pdf(const double* ap_xy_m, const double* rssi_dbm,
    const double* weight, const double* extra_loss_db, size_t ap_count,
    const rssfix_path_loss* loss, const rssfix_grid* grid, float* pdf);

typedef struct rssfix_centroid {
  double x_m;
  double y_m;
  double area_m2; /* of the cells that reach the threshold */
} rssfix_centroid;

/* Centre of mass of the cells with pdf >= threshold (above 0, at most 1). */
RSSFIX_API rssfix_status rssfix_threshold_centroid(
    const float* pdf, const rssfix_grid* grid, double threshold, rssfix_centroid* centroid);

enum { RSSFIX_L1 = 0, RSSFIX_L2 = 1, RSSFIX_SORENSEN = 2 };
/* The k rows of the database (rows x columns) nearest to each query (queries x columns), nearest
 * first, equal distances by lower row. NaN on either side is not compared and the distance scaled
 * to all columns; +infinity where nothing can be. indices and distances: queries x k. */
RSSFIX_API rssfix_status rssfix_weighted_knn(const float* database, size_t rows, size_t columns,
    const float* query, size_t queries, size_t k, int32_t metric, int64_t* indices,
    float* distances);

/* How probable every cell of radio maps is: sums[c] = sum over m of tables[m][maps[m][c]]. maps
 * map_count x cells, all below `levels` (2 to 65536), tables map_count x levels: the log-likelihood
 * of one measurement for every level that a map can show; added in the order of the maps. */
RSSFIX_API rssfix_status rssfix_level_sums(const uint16_t* maps, size_t map_count, size_t cells,
    const float* tables, size_t levels, float* sums);

/* How a measured path loss p scatters where a map shows a code, an index of these arrays: with a
 * density of outliers + narrow N(p; mean_db, sigma_db) + wide N(p; mean_db, tail_factor sigma_db)
 * per dB. Within +-10000 (mean_db, silent), 0.001 to 10000 (sigma_db), 0.001 to 1000 (tail_factor),
 * 0 to 1 (narrow, wide), 1e-20 to 1000000 (outliers). */
typedef struct rssfix_scatter {
  const float* mean_db;
  const float* sigma_db;
  const float* tail_factor;
  const float* narrow;
  const float* wide;
  const float* outliers;
  const float* silent; /* log-likelihood of receiving nothing */
  size_t codes;
} rssfix_scatter;

/* Tables for rssfix_level_sums: power (above 0, at most 1000000) x the log-likelihood of each of
 * `count` measured path losses, within +-10000 or NaN = not received, for every code. tables count
 * x codes. Within power x 1e-5 (absolute) and 1e-5 (relative) of the exact values. */
RSSFIX_API rssfix_status rssfix_level_likelihoods(const float* measured_db, size_t count,
    const rssfix_scatter* scatter, double power, float* tables);

/* The point of least mean distance to weighted places, by `steps` (1 to 100000) of Weiszfeld's
 * steps from start_m (x, y): each the mean of the places with weight / sqrt(distance^2 + soft_m^2).
 * Coordinates within +-1e9, weights 0 to 1e100, not all 0, soft_m 1e-6 to 1e9. median_m: x, y. */
RSSFIX_API rssfix_status rssfix_geometric_median(const double* x_m, const double* y_m,
    const double* weight, size_t count, const double* start_m, double soft_m, size_t steps,
    double* median_m);

/* ---- Kalman filter: x, y (m), vx, vy (m/s), constant velocity ----------------------------- */

typedef struct rssfix_kalman rssfix_kalman;

/* Memory for any handle: as many bytes as its size function says, beginning at a multiple of 8.
 * It is the handle: keep it as long, free it yourself, call no destroy. */
RSSFIX_API size_t rssfix_kalman_size(void);
/* state 4, covariance 4 x 4 (symmetric, positive definite), accel_sigma m/s^2, 0 or more. */
RSSFIX_API rssfix_status rssfix_kalman_init(void* memory, size_t size, const double* state,
    const double* covariance, double accel_sigma, rssfix_kalman** out);
RSSFIX_API rssfix_status rssfix_kalman_create(
    const double* state, const double* covariance, double accel_sigma, rssfix_kalman** out);
RSSFIX_API void rssfix_kalman_destroy(rssfix_kalman* kalman); /* of create; null is fine */
RSSFIX_API rssfix_status rssfix_kalman_predict(rssfix_kalman* kalman, double dt_s);
/* z and variance: `count` 2 (x, y) or 4 (x, y, vx, vy) numbers. */
RSSFIX_API rssfix_status rssfix_kalman_update(
    rssfix_kalman* kalman, const double* z, const double* variance, size_t count);
/* Copies 4 and 4 x 4 numbers; either may be null. */
RSSFIX_API rssfix_status rssfix_kalman_read(
    const rssfix_kalman* kalman, double* state, double* covariance);

/* ---- Profile window: the strongest level of every AP over the last window_ms --------------- */

typedef struct rssfix_window rssfix_window;

/* Scans nearer to each other than window_ms / most_entries leave together; 128 is usual. 0 where
 * that is more memory than there can be. */
RSSFIX_API size_t rssfix_window_size(size_t ap_count, size_t most_entries);
RSSFIX_API rssfix_status rssfix_window_init(void* memory, size_t size, size_t ap_count,
    int64_t window_ms, size_t most_entries, rssfix_window** out);
RSSFIX_API rssfix_status rssfix_window_create(
    size_t ap_count, int64_t window_ms, size_t most_entries, rssfix_window** out);
RSSFIX_API void rssfix_window_destroy(rssfix_window* window);
/* rssi_dbm: ap_count levels, NaN = not heard; times never go back. */
RSSFIX_API rssfix_status rssfix_window_add(
    rssfix_window* window, int64_t timestamp_ms, const float* rssi_dbm);
/* Writes ap_count levels, NaN where the window did not hear the AP. */
RSSFIX_API rssfix_status rssfix_window_united(const rssfix_window* window, float* rssi_dbm);
RSSFIX_API void rssfix_window_clear(rssfix_window* window);

/* ---- Locator: scans in, positions out; needs the places of the access points, no survey ----- */

typedef struct rssfix_floor {
  int32_t floor; /* 0 = ground */
  rssfix_grid grid;
  const uint32_t* cells; /* walkable ones, row * width + column, ascending; null = all */
  size_t cell_count;
} rssfix_floor;

/* A level at or above edges_dbm[i] and below the next one has rank i + 1 (Hapi, SPEC 5.5). */
typedef struct rssfix_rank_method {
  const double* edges_dbm; /* rank_count - 1, ascending */
  const double* mean_m;
  const double* sigma_m;
  size_t rank_count;
  int32_t combine;
  double threshold; /* cells below this share of the highest count nothing */
} rssfix_rank_method;

typedef struct rssfix_path_loss_method {
  rssfix_path_loss loss;
  double silence_weight;  /* of an AP that is not heard */
  double weight_scale_db; /* one heard weighs 10^((level - strongest) / weight_scale_db) */
} rssfix_path_loss_method;

/* Expected error: intercept + coefficients x (APs heard, mean level, largest level, area in m^2 of
 * the cells that reach `threshold` times the highest), clipped. */
typedef struct rssfix_quality {
  double intercept_m;
  double coefficients[4];
  double threshold;
  double least_m;
  double most_m;
} rssfix_quality;

/* A building. The locator keeps pointers to the arrays, not to this struct. `rssfix firmware`
 * writes one from a bundle. */
typedef struct rssfix_site {
  const uint64_t* ap_id; /* ascending; see rssfix_ap_id */
  const double* ap_xy_m; /* x, y of every AP */
  const int32_t* ap_floor;
  size_t ap_count;
  const rssfix_floor* floors; /* each of another floor; all that ap_floor names */
  size_t floor_count;
  double floor_attenuation_db;     /* an AP n floors away counts as n times as much louder ... */
  double cap_dbm;                  /* ... up to this */
  size_t strongest;                /* so many APs count after that; 0 = all */
  const rssfix_rank_method* ranks; /* one of the two, the other null */
  const rssfix_path_loss_method* path_loss;
  double offset_db;              /* added to every reading: the device's offset */
  const rssfix_quality* quality; /* null: the spread of the map stands in */
  const double* spread_m;        /* from the expected error to the 68 % radius: ascending knots */
  const double* radius_m;
  size_t accuracy_count;
  uint32_t min_matched_aps; /* 1 or more */
  int64_t max_age_ms;       /* older readings are left out */
  double low_confidence_m;
  int64_t floor_window_ms; /* at least as long as the other */
  int64_t position_window_ms;
} rssfix_site;

/* {128, 0.3, 60000, 5} is what sdk.Track does. */
typedef struct rssfix_track_rules {
  size_t window_entries; /* fewer need less memory; see rssfix_window_size */
  double accel_sigma;    /* m/s^2 */
  int64_t gap_ms;        /* without a measured position the track ends */
  size_t floor_votes;    /* 1 to 64; the floor is that of most of the last so many */
} rssfix_track_rules;

typedef struct rssfix_reading {
  uint64_t ap_id;
  float rssi_dbm; /* -150 <= rssi_dbm < 0 */
  int32_t age_ms; /* 0 or more; 0 where it is not known */
} rssfix_reading;

enum {
  RSSFIX_FIX_OK = 0,
  RSSFIX_FIX_LOW_CONFIDENCE,
  RSSFIX_FIX_TOO_FEW_APS, /* not measured; while a track runs there is a predicted position */
  RSSFIX_FIX_OUT_OF_AREA, /* the same: many APs, hardly one of this building */
  RSSFIX_FIX_STALE_SCAN   /* the same: every reading is too old */
};

typedef struct rssfix_fix {
  int64_t timestamp_ms;
  int32_t status;
  int32_t has_position; /* 0: the coordinates below are 0 and mean nothing */
  int32_t floor;
  uint32_t matched_aps;
  double x_m;
  double y_m;
  double accuracy_m; /* radius that holds the true position with 68 % probability */
} rssfix_fix;

/* The id of an access point from the six bytes of its MAC, first byte highest. Any other 64-bit
 * number that tells APs apart serves as well (BLE beacons). Where virtual APs differ in the last
 * hex digit, clear the four lowest bits of site and readings: the strongest reading counts. */
RSSFIX_API uint64_t rssfix_ap_id(const uint8_t mac[6]);

RSSFIX_API rssfix_track_rules rssfix_default_track_rules(void);

typedef struct rssfix_locator rssfix_locator;

/* Checks site and rules and says how much memory a locator takes. */
RSSFIX_API rssfix_status rssfix_locator_size(
    const rssfix_site* site, const rssfix_track_rules* rules, size_t* size);
RSSFIX_API rssfix_status rssfix_locator_init(void* memory, size_t size, const rssfix_site* site,
    const rssfix_track_rules* rules, rssfix_locator** out);
RSSFIX_API rssfix_status rssfix_locator_create(
    const rssfix_site* site, const rssfix_track_rules* rules, rssfix_locator** out);
RSSFIX_API void rssfix_locator_destroy(rssfix_locator* locator);

/* One scan of a walking device: windows, floor, map, centre of mass, Kalman filter. The same scan
 * once more changes nothing; a time before the last one is refused. */
RSSFIX_API rssfix_status rssfix_locator_update(rssfix_locator* locator, int64_t timestamp_ms,
    const rssfix_reading* readings, size_t count, rssfix_fix* fix);
/* One scan alone; the track stays as it is. */
RSSFIX_API rssfix_status rssfix_locator_locate(rssfix_locator* locator, int64_t timestamp_ms,
    const rssfix_reading* readings, size_t count, rssfix_fix* fix);
/* Forgets the track, the time included. */
RSSFIX_API void rssfix_locator_reset(rssfix_locator* locator);

#ifdef __cplusplus
}
#endif

#endif
