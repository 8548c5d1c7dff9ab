// A thousand threads a block leave 64 registers a thread; it wants two hundred.
extern "C" __global__ void __launch_bounds__(1024) spilling(const float* in, float* out, int n) {
    float held[200];
#pragma unroll
    for (int i = 0; i < 200; ++i) held[i] = in[threadIdx.x + i * n];
    for (int step = 0; step < n; ++step) {
#pragma unroll
        for (int i = 0; i < 200; ++i) held[i] = held[i] * held[(i + 7) % 200] + 1.0f;
    }
#pragma unroll
    for (int i = 0; i < 200; ++i) out[threadIdx.x + i * n] = held[i];
}
