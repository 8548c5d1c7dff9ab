// The product over k in tiles of shared memory.
#ifndef TILE  // -DTILE=...
#define TILE 16
#endif

extern "C" __global__ void product(const float* left, const float* right, float* out, int n) {
    __shared__ float a[TILE][TILE + 1], b[TILE][TILE + 1];
    const long item = (long)blockIdx.z * n * n;
    const int row = blockIdx.y * TILE + threadIdx.y, column = blockIdx.x * TILE + threadIdx.x;
    float total = 0;
    for (int start = 0; start < n; start += TILE) {
        const int k = start + threadIdx.x, column_of_b = blockIdx.x * TILE + threadIdx.y;
        a[threadIdx.y][threadIdx.x] = row < n && k < n ? left[item + row * n + k] : 0;
        b[threadIdx.y][threadIdx.x] = column_of_b < n && k < n ? right[item + column_of_b * n + k] : 0;
        __syncthreads();
        for (int i = 0; i < TILE; ++i) total += a[threadIdx.y][i] * b[threadIdx.x][i];
        __syncthreads();
    }
    if (row < n && column < n) out[item + row * n + column] = total;
}
