// Embeds the sources of device kernels. The headers must also compile as C by themselves.
#include "kernels.h"
#include "random.h"
#include "scalar.h"
#include <stddef.h>
#include <string.h>

static const char opencl_h[] = {
#embed "include/opencl.h"
    , 0};
static const char scalar_h[] = {
#embed "include/scalar.h"
    , 0};
static const char random_h[] = {
#embed "include/random.h"
    , 0};
static const char compensated_h[] = {
#embed "include/compensated.h"
    , 0};
static const char linalg_h[] = {
#embed "include/linalg.h"
    , 0};
static const char softmax_h[] = {
#embed "include/softmax.h"
    , 0};
static const char element_map_sums_h[] = {
#embed "include/element_map_sums.h"
    , 0};
static const char element_map_h[] = {
#embed "include/element_map.h"
    , 0};
static const char sort_keys_h[] = {
#embed "include/sort_keys.h"
    , 0};
static const char matmul_cpu_cl[] = {
#embed "opencl/matmul_cpu.cl"
    , 0};
static const char matmul_gpu_cl[] = {
#embed "opencl/matmul_gpu.cl"
    , 0};
static const char matmul_tensor_cl[] = {
#embed "opencl/matmul_tensor.cl"
    , 0};
static const char matmul_small_cl[] = {
#embed "opencl/matmul_small.cl"
    , 0};
static const char join_blocks_cl[] = {
#embed "opencl/join_blocks.cl"
    , 0};
static const char transpose_h[] = {
#embed "opencl/transpose.h"
    , 0};
static const char epilogue_h[] = {
#embed "opencl/epilogue.h"
    , 0};
static const char convolution_cpu_cl[] = {
#embed "opencl/convolution_cpu.cl"
    , 0};
static const char convolution_gpu_cl[] = {
#embed "opencl/convolution_gpu.cl"
    , 0};
static const char convolution_pack_cl[] = {
#embed "opencl/convolution_pack.cl"
    , 0};
static const char convolution_pad_cl[] = {
#embed "opencl/convolution_pad.cl"
    , 0};
static const char gather_cl[] = {
#embed "opencl/gather.cl"
    , 0};
static const char scatter_add_cl[] = {
#embed "opencl/scatter_add.cl"
    , 0};
static const char argsort_row_cl[] = {
#embed "opencl/argsort_row.cl"
    , 0};
static const char argsort_block_cl[] = {
#embed "opencl/argsort_block.cl"
    , 0};
static const char argsort_merge_cl[] = {
#embed "opencl/argsort_merge.cl"
    , 0};
static const char argmax_cl[] = {
#embed "opencl/argmax.cl"
    , 0};
static const char cumulative_sum_cl[] = {
#embed "opencl/cumulative_sum.cl"
    , 0};
static const char linalg_cl[] = {
#embed "opencl/linalg.cl"
    , 0};
static const char softmax_cl[] = {
#embed "opencl/softmax.cl"
    , 0};
static const char element_map_cl[] = {
#embed "opencl/element_map.cl"
    , 0};
static const char multiply_adds_cl[] = {
#embed "opencl/multiply_adds.cl"
    , 0};
static const char copy_cl[] = {
#embed "opencl/copy.cl"
    , 0};
static const char tiles_json[] = {
#embed "opencl/tiles.json"
    , 0};
static const char clblast_json[] = {
#embed "opencl/clblast.json"
    , 0};

static const struct { const char *name, *text; } files[] = {
    {"opencl.h", opencl_h},
    {"scalar.h", scalar_h},
    {"random.h", random_h},
    {"compensated.h", compensated_h},
    {"linalg.h", linalg_h},
    {"softmax.h", softmax_h},
    {"element_map_sums.h", element_map_sums_h},
    {"element_map.h", element_map_h},
    {"sort_keys.h", sort_keys_h},
    {"matmul_cpu.cl", matmul_cpu_cl},
    {"matmul_gpu.cl", matmul_gpu_cl},
    {"matmul_tensor.cl", matmul_tensor_cl},
    {"matmul_small.cl", matmul_small_cl},
    {"join_blocks.cl", join_blocks_cl},
    {"transpose.h", transpose_h},
    {"epilogue.h", epilogue_h},
    {"convolution_cpu.cl", convolution_cpu_cl},
    {"convolution_gpu.cl", convolution_gpu_cl},
    {"convolution_pack.cl", convolution_pack_cl},
    {"convolution_pad.cl", convolution_pad_cl},
    {"gather.cl", gather_cl},
    {"scatter_add.cl", scatter_add_cl},
    {"argsort_row.cl", argsort_row_cl},
    {"argsort_block.cl", argsort_block_cl},
    {"argsort_merge.cl", argsort_merge_cl},
    {"argmax.cl", argmax_cl},
    {"cumulative_sum.cl", cumulative_sum_cl},
    {"linalg.cl", linalg_cl},
    {"softmax.cl", softmax_cl},
    {"element_map.cl", element_map_cl},
    {"multiply_adds.cl", multiply_adds_cl},
    {"copy.cl", copy_cl},
    {"tiles.json", tiles_json},
    {"clblast.json", clblast_json},
};

const char *pf_kernel_text(const char *name) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(files[i].name, name) == 0) return files[i].text;
    }
    return NULL;
}
