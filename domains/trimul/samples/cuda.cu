// The gates of the update, an element a thread: out = value * sigmoid(gate) * mask.
#include <cstdint>
#include <cuda_runtime.h>

__global__ void gates(const float *value, const float *gate, const float *mask, float *out, int64_t size, int hidden) {
    const int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at < size) out[at] = value[at] / (1.0f + __expf(-gate[at])) * mask[at / hidden];
}

extern "C" int gated(const float *value, const float *gate, const float *mask, float *out, int64_t size, int hidden,
                     void *stream) {
    const unsigned threads = 256, blocks = unsigned((size + threads - 1) / threads);
    gates<<<blocks, threads, 0, static_cast<cudaStream_t>(stream)>>>(value, gate, mask, out, size, hidden);
    return cudaGetLastError();
}
