// The update in vectors of channels. `left` and `right` lie as [hidden / LANES][cell][LANES], so that the product over k
// runs on ROWS x COLUMNS sums held in registers and needs no transpose. What comes after it is done row by row of i while
// that row is in the cache: LayerNorm, the gate (computed there, not stored) and the last projection. Projections take
// TILE cells at a time, all weights packed as they are read. Vectors are those of GCC and Clang.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <omp.h>
#include <vector>

#ifdef __AVX512F__
#define FITTING(wide, narrow) wide  // 32 registers of 16 floats
#else
#define FITTING(wide, narrow) narrow  // 16 registers of 8
#endif
#ifndef LANES
#define LANES FITTING(16, 8)
#endif
#ifndef TILE
#define TILE FITTING(6, 3)
#endif
#ifndef ROWS
#define ROWS 4
#endif
#ifndef COLUMNS
#define COLUMNS FITTING(6, 3)
#endif
#ifndef CHUNK
#define CHUNK 48
#endif
#ifndef SHARE
#define SHARE 1  // of the processors one in so many gets a thread
#endif
#define WIDE 4  // vectors of weights that `project` reads beside each other; hidden must be divisible by WIDE * LANES
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE vec load(const float* at) { return *(const vec*)at; }
INLINE void store(float* at, vec value) { *(vec*)at = value; }
INLINE vec all(float value) { return vec{} + value; }

INLINE float total(vec v) {
    float sum = 0;
    UNROLL for (int at = 0; at < LANES; ++at) sum += v[at];
    return sum;
}

// 1 / (1 + exp(-x)), with exp(-x) = 2^whole exp(rest) and Taylor's series for the rest: off by 3e-6 at most.
INLINE vec sigmoid(vec x) {
    vec t = x * -1.44269504f;
    t = t < all(-126.0f) ? all(-126.0f) : t;
    t = t > all(126.0f) ? all(126.0f) : t;
    const ints whole = __builtin_convertvector(t + (t < all(0.0f) ? all(-0.5f) : all(0.5f)), ints);
    const vec f = (t - __builtin_convertvector(whole, vec)) * 0.693147181f;
    const vec rest = 1.0f + f * (1.0f + f * (0.5f + f * (0.166666667f + f * (0.0416666667f + f * 0.00833333333f))));
    const ints power = (whole + 127) << 23;
    return 1.0f / (1.0f + rest * (vec)power);
}

static void normalise(const float* x, float* y, int64_t size, const float* weight, const float* bias) {
    vec sums = vec{};
    int64_t d = 0;
    float sum = 0, squares = 0;
    for (; d + LANES <= size; d += LANES) sums += load(x + d);
    for (sum = total(sums); d < size; ++d) sum += x[d];
    const float middle = sum / size;
    for (d = 0, sums = vec{}; d + LANES <= size; d += LANES) sums += (load(x + d) - middle) * (load(x + d) - middle);
    for (squares = total(sums); d < size; ++d) squares += (x[d] - middle) * (x[d] - middle);
    const float by = 1.0f / std::sqrt(squares / size + 1e-5f);
    for (d = 0; d + LANES <= size; d += LANES) store(y + d, (load(x + d) - middle) * by * load(weight + d) + load(bias + d));
    for (; d < size; ++d) y[d] = (x[d] - middle) * by * weight[d] + bias[d];
}

// sums[c][v] = sum over k of x[c][k] panel[k][v]
template <int C>
INLINE void project(const float* x, int64_t depth, const float* panel, vec (&sums)[C][WIDE]) {
    UNROLL for (int c = 0; c < C; ++c) UNROLL for (int v = 0; v < WIDE; ++v) sums[c][v] = vec{};
    for (int64_t k = 0; k < depth; ++k) {
        vec w[WIDE];
        UNROLL for (int v = 0; v < WIDE; ++v) w[v] = load(panel + (k * WIDE + v) * LANES);
        UNROLL for (int c = 0; c < C; ++c) {
            const vec by = all(x[c * depth + k]);
            UNROLL for (int v = 0; v < WIDE; ++v) sums[c][v] += by * w[v];
        }
    }
}

// product[i][j] = sum over k of left[i][k] right[j][k], in one block of channels
template <int I, int J>
static void contract(const float* left, const float* right, int64_t n, float* product, int64_t hidden) {
    vec sums[I][J];
    UNROLL for (int i = 0; i < I; ++i) UNROLL for (int j = 0; j < J; ++j) sums[i][j] = vec{};
    for (int64_t k = 0; k < n; ++k) {
        vec a[I];
        UNROLL for (int i = 0; i < I; ++i) a[i] = load(left + (i * n + k) * LANES);
        UNROLL for (int j = 0; j < J; ++j) {
            const vec b = load(right + (j * n + k) * LANES);
            UNROLL for (int i = 0; i < I; ++i) sums[i][j] += a[i] * b;
        }
    }
    UNROLL for (int i = 0; i < I; ++i) UNROLL for (int j = 0; j < J; ++j) store(product + (i * n + j) * hidden, sums[i][j]);
}

template <int I>
static void contract_row(const float* left, const float* right, int64_t n, float* product, int64_t hidden) {
    int64_t j = 0;
    for (; j + COLUMNS <= n; j += COLUMNS) contract<I, COLUMNS>(left, right + j * n * LANES, n, product + j * hidden, hidden);
    for (; j < n; ++j) contract<I, 1>(left, right + j * n * LANES, n, product + j * hidden, hidden);
}

template <typename At>
static void pack(float* panel, int64_t depth, At weight) {
    for (int64_t k = 0; k < depth; ++k)
        for (int v = 0; v < WIDE; ++v)
            for (int lane = 0; lane < LANES; ++lane) panel[(k * WIDE + v) * LANES + lane] = weight(v, lane, k);
}

struct Update {
    const float *input, *mask, *norm_w, *norm_b, *inside, *out_w, *out_b, *last;
    float *left, *right, *sides, *gates, *ends, *output;
    int64_t batch, n, dim, hidden;

    // Called by every thread of a team. inside: left, left's gate, right, right's gate, gate of the output.
    void weights() const {
        const int64_t square = hidden * dim, group = WIDE * LANES;
#pragma omp for schedule(static) nowait
        for (int64_t h = 0; h < hidden; h += LANES)
            pack(sides + WIDE * h * dim, dim, [&](int v, int lane, int64_t k) { return inside[v * square + (h + lane) * dim + k]; });
#pragma omp for schedule(static) nowait
        for (int64_t h = 0; h < hidden; h += group)
            pack(gates + h * dim, dim, [&](int v, int lane, int64_t k) { return inside[4 * square + (h + v * LANES + lane) * dim + k]; });
#pragma omp for schedule(static)
        for (int64_t d = 0; d < dim; d += group)
            pack(ends + d * hidden, hidden, [&](int v, int lane, int64_t k) {
                const int64_t row = d + v * LANES + lane;
                return row < dim ? last[row * hidden + k] : 0.0f;
            });
    }

    void normalised(int64_t cell, int64_t count, float* rows) const {
        for (int64_t c = 0; c < count; ++c) normalise(input + (cell + c) * dim, rows + c * dim, dim, norm_w, norm_b);
    }

    // left and right of C cells in the block of channels that begins at h
    template <int C>
    void gated(const float* x, int64_t cell, int64_t h) const {
        const int64_t at = h * batch * n * n + cell * LANES;
        vec sums[C][WIDE];
        project<C>(x, dim, sides + WIDE * h * dim, sums);
        UNROLL for (int c = 0; c < C; ++c) {
            store(left + at + c * LANES, sums[c][0] * sigmoid(sums[c][1]) * mask[cell + c]);
            store(right + at + c * LANES, sums[c][2] * sigmoid(sums[c][3]) * mask[cell + c]);
        }
    }

    // LayerNorm, gate and last projection of C cells
    template <int C>
    void finish(const float* x, int64_t cell, float* product) const {
        vec sums[C][WIDE];
        for (int c = 0; c < C; ++c) normalise(product + c * hidden, product + c * hidden, hidden, out_w, out_b);
        for (int64_t h = 0; h < hidden; h += WIDE * LANES) {
            project<C>(x, dim, gates + h * dim, sums);
            UNROLL for (int c = 0; c < C; ++c) UNROLL for (int v = 0; v < WIDE; ++v) {
                float* p = product + c * hidden + h + v * LANES;
                store(p, load(p) * sigmoid(sums[c][v]));
            }
        }
        for (int64_t d = 0; d < dim; d += WIDE * LANES) {
            project<C>(product, hidden, ends + d * hidden, sums);
            const int64_t size = std::min<int64_t>(WIDE * LANES, dim - d);
            for (int c = 0; c < C; ++c) std::memcpy(output + (cell + c) * dim + d, sums[c], 4 * size);
        }
    }

    void project_chunk(int64_t start, float* rows) const {
        const int64_t count = std::min<int64_t>(CHUNK, batch * n * n - start);
        normalised(start, count, rows);
        for (int64_t h = 0; h < hidden; h += LANES) {
            int64_t c = 0;
            for (; c + TILE <= count; c += TILE) gated<TILE>(rows + c * dim, start + c, h);
            for (; c < count; ++c) gated<1>(rows + c * dim, start + c, h);
        }
    }

    // ROWS rows of i, or what is left of them, of one item of the batch
    void finish_band(int64_t item, int64_t first, float* rows, float* product) const {
        const int64_t count = std::min<int64_t>(ROWS, n - first);
        for (int64_t h = 0; h < hidden; h += LANES) {
            const float* r = right + (h * batch + item * LANES) * n * n;
            const float* l = left + (h * batch + item * LANES) * n * n + first * n * LANES;
            if (count == ROWS) contract_row<ROWS>(l, r, n, product + h, hidden);
            else
                for (int64_t i = 0; i < count; ++i) contract_row<1>(l + i * n * LANES, r, n, product + i * n * hidden + h, hidden);
        }
        for (int64_t i = 0; i < count; ++i) {
            const int64_t start = (item * n + first + i) * n;
            float* row = product + i * n * hidden;
            normalised(start, n, rows);
            int64_t c = 0;
            for (; c + TILE <= n; c += TILE) finish<TILE>(rows + c * dim, start + c, row + c * hidden);
            for (; c < n; ++c) finish<1>(rows + c * dim, start + c, row + c * hidden);
        }
    }
};

extern "C" void trimul(const float* input, const float* mask, const float* norm_w, const float* norm_b, const float* inside,
                       const float* out_w, const float* out_b, const float* last, float* left, float* right, float* panels,
                       float* output, int64_t batch, int64_t n, int64_t dim, int64_t hidden) {
    const Update update{input, mask, norm_w, norm_b, inside, out_w, out_b, last, left, right, panels,
                        panels + 4 * hidden * dim, panels + 5 * hidden * dim, output, batch, n, dim, hidden};
    const int64_t bands = (n + ROWS - 1) / ROWS;
#pragma omp parallel num_threads(std::max(1, omp_get_max_threads() / SHARE))
    {
        std::vector<float> rows(std::max<int64_t>(CHUNK, n) * dim), product(ROWS * n * hidden);
        update.weights();
#pragma omp for schedule(static)
        for (int64_t start = 0; start < batch * n * n; start += CHUNK) update.project_chunk(start, rows.data());
#pragma omp for schedule(static)
        for (int64_t band = 0; band < batch * bands; ++band)
            update.finish_band(band / bands, band % bands * ROWS, rows.data(), product.data());
    }
}
