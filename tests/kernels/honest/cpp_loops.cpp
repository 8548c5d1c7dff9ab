// The update without BLAS: loops that a compiler turns into SIMD, cells and channels shared among threads.
#include <cmath>
#include <vector>

static void normalise(const float* x, int size, const float* weight, const float* bias, float* y) {
    float total = 0, squares = 0;
    for (int i = 0; i < size; ++i) total += x[i];
    const float middle = total / size;
    for (int i = 0; i < size; ++i) squares += (x[i] - middle) * (x[i] - middle);
    const float by = 1.0f / std::sqrt(squares / size + 1e-5f);
    for (int i = 0; i < size; ++i) y[i] = (x[i] - middle) * by * weight[i] + bias[i];
}

// y[columns] = x[rows] a, with a given as [rows][columns]
static void multiply(const float* x, const float* a, int rows, int columns, float* y) {
    for (int j = 0; j < columns; ++j) y[j] = 0;
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) y[j] += x[i] * a[i * columns + j];
}

extern "C" void update(const float* input, const float* mask, const float* norm_w, const float* norm_b, const float* inside,
                       const float* out_w, const float* out_b, const float* project, float* space, float* output, int batch,
                       int n, int dim, int hidden) {
    const int cells = batch * n * n;
    float *left = space, *right = space + (long)hidden * cells, *gate = right + (long)hidden * cells;
    float* product = gate + (long)hidden * cells;
#pragma omp parallel
    {
        std::vector<float> row(dim), made(5 * hidden), cell(hidden), normal(hidden);
#pragma omp for
        for (int c = 0; c < cells; ++c) {
            normalise(input + (long)c * dim, dim, norm_w, norm_b, row.data());
            multiply(row.data(), inside, dim, 5 * hidden, made.data());
            for (int h = 0; h < hidden; ++h) {
                left[(long)h * cells + c] = made[h] * mask[c] / (1 + std::exp(-made[2 * hidden + h]));
                right[(long)h * cells + c] = made[hidden + h] * mask[c] / (1 + std::exp(-made[3 * hidden + h]));
                gate[(long)c * hidden + h] = 1 / (1 + std::exp(-made[4 * hidden + h]));
            }
        }
#pragma omp for collapse(2)
        for (int h = 0; h < hidden; ++h)
            for (int b = 0; b < batch; ++b) {
                const long at = (long)h * cells + (long)b * n * n;
                for (int i = 0; i < n; ++i)
                    for (int j = 0; j < n; ++j) {
                        float total = 0;
                        for (int k = 0; k < n; ++k) total += left[at + i * n + k] * right[at + j * n + k];
                        product[at + i * n + j] = total;
                    }
            }
#pragma omp for
        for (int c = 0; c < cells; ++c) {
            for (int h = 0; h < hidden; ++h) cell[h] = product[(long)h * cells + c];
            normalise(cell.data(), hidden, out_w, out_b, normal.data());
            for (int h = 0; h < hidden; ++h) normal[h] *= gate[(long)c * hidden + h];
            multiply(normal.data(), project, hidden, dim, output + (long)c * dim);
        }
    }
}
