// The update with everything between the products done on chunks that stay in the cache. Channels come first
// ([hidden][cell]), so that no product needs a transpose of its own. CHUNK cells at a time; products by torch's MKL.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

extern "C" void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
                       const float*, const int*, const float*, float*, const int*);

// c[m][n] = a x b, row by row; 'T' where a is given as [k][m], or b as [n][k]. Fortran sees the transposes of all.
static void multiply(char a_is, char b_is, int m, int n, int k, const float* a, int lda, const float* b, int ldb, float* c, int ldc) {
    const float one = 1.0f, zero = 0.0f;
    sgemm_(&b_is, &a_is, &n, &m, &k, &one, b, &ldb, a, &lda, &zero, c, &ldc);
}

#ifndef CHUNK
#define CHUNK 64
#endif

extern "C" void trimul(const float* input, const float* mask, const float* norm_w, const float* norm_b, const float* inside,
                       const float* out_w, const float* out_b, const float* project, float* sides, float* gate, float* product,
                       float* output, int64_t batch, int64_t n, int64_t dim, int64_t hidden) {
    const int64_t cells = batch * n * n, square = n * n;
    float* left = sides;
    float* right = sides + hidden * cells;
#pragma omp parallel
    {
        std::vector<float> rows(CHUNK * dim), made(5 * hidden * CHUNK), mean(CHUNK), scale(CHUNK), squares(CHUNK);
#pragma omp for schedule(static)
        for (int64_t start = 0; start < cells; start += CHUNK) {
            const int64_t count = std::min<int64_t>(CHUNK, cells - start);
            for (int64_t c = 0; c < count; ++c) {
                const float* x = input + (start + c) * dim;
                float total = 0, spread = 0;
                for (int64_t d = 0; d < dim; ++d) total += x[d];
                const float middle = total / dim;
                for (int64_t d = 0; d < dim; ++d) spread += (x[d] - middle) * (x[d] - middle);
                const float by = 1.0f / std::sqrt(spread / dim + 1e-5f);
                float* y = rows.data() + c * dim;
                for (int64_t d = 0; d < dim; ++d) y[d] = (x[d] - middle) * by * norm_w[d] + norm_b[d];
            }
            multiply('N', 'T', 5 * hidden, count, dim, inside, dim, rows.data(), dim, made.data(), CHUNK);
            for (int64_t h = 0; h < hidden; ++h) {
                const float* a = made.data() + h * CHUNK;
                const float* b = a + hidden * CHUNK;
                const float* ga = b + hidden * CHUNK;
                const float* gb = ga + hidden * CHUNK;
                const float* go = gb + hidden * CHUNK;
                float* l = left + h * cells + start;
                float* r = right + h * cells + start;
                float* g = gate + start * hidden + h * count;
                const float* m = mask + start;
                for (int64_t c = 0; c < count; ++c) l[c] = a[c] * m[c] / (1.0f + std::exp(-ga[c]));
                for (int64_t c = 0; c < count; ++c) r[c] = b[c] * m[c] / (1.0f + std::exp(-gb[c]));
                for (int64_t c = 0; c < count; ++c) g[c] = 1.0f / (1.0f + std::exp(-go[c]));
            }
        }
#pragma omp for schedule(static)
        for (int64_t item = 0; item < hidden * batch; ++item)
            multiply('N', 'T', n, n, n, left + item * square, n, right + item * square, n, product + item * square, n);
#pragma omp for schedule(static)
        for (int64_t start = 0; start < cells; start += CHUNK) {
            const int64_t count = std::min<int64_t>(CHUNK, cells - start);
            std::fill(mean.begin(), mean.end(), 0.0f);
            std::fill(squares.begin(), squares.end(), 0.0f);
            for (int64_t h = 0; h < hidden; ++h) {
                const float* p = product + h * cells + start;
                for (int64_t c = 0; c < count; ++c) mean[c] += p[c];
            }
            for (int64_t c = 0; c < count; ++c) mean[c] /= hidden;
            for (int64_t h = 0; h < hidden; ++h) {
                const float* p = product + h * cells + start;
                for (int64_t c = 0; c < count; ++c) squares[c] += (p[c] - mean[c]) * (p[c] - mean[c]);
            }
            for (int64_t c = 0; c < count; ++c) scale[c] = 1.0f / std::sqrt(squares[c] / hidden + 1e-5f);
            for (int64_t h = 0; h < hidden; ++h) {
                const float* p = product + h * cells + start;
                const float* g = gate + start * hidden + h * count;
                float* y = made.data() + h * CHUNK;
                for (int64_t c = 0; c < count; ++c) y[c] = ((p[c] - mean[c]) * scale[c] * out_w[h] + out_b[h]) * g[c];
            }
            multiply('T', 'T', count, dim, hidden, made.data(), CHUNK, project, hidden, output + start * dim, dim);
        }
    }
}
