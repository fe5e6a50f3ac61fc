// What llama.cpp reserves for a model that exists as metadata alone: reads one JSON object a line, prints one a setting.
//
// Build against the tree and the shared libraries of commit 0c1e57098, configured with -DGGML_RPC=ON:
//   g++ -std=c++17 -O1 -w -I$L/include -I$L/ggml/include -I$L/src -I$L/ggml/src -I$L/vendor probe.cpp -o probe \
//       -rdynamic -L$B/bin -Wl,-rpath,$B/bin -lllama -lggml -lggml-base -lggml-cpu -lggml-rpc -ldl -lpthread
// Run:  probe DEVICES PORT < models.jsonl     (DEVICES RPC servers on 127.0.0.1, from PORT on)
//
// A line: {"name": ..., "kv": {GGUF key: value}, "keep": [regex of optional tensors to have], "drop": [regex of tensors
// not to have], "real": allocate for real, "settings": [{"placement": "cpu" | "offload", "n_ctx", "n_batch", "n_ubatch",
// "n_seq", "kv_unified", "swa_full", "flash_attn", "type_k", "type_v", "n_outputs_max", "ngl", "devices", "n_cpu_moe",
// "offload_kqv", "op_offload"}]}. The keys are those that the converter writes; "tokenizer.ggml.model" is "no_vocab".
// With OP_OFFLOAD in the environment the RPC devices take over large batches by CUDA's rule.
#include "ggml-backend-impl.h"
#include "ggml-impl.h"
#include "ggml-rpc.h"
#include "gguf.h"
#include "llama-ext.h"
#include "llama-model-loader.h"
#include "llama.h"
#include "nlohmann/json.hpp"

#include <dlfcn.h>
#include <iostream>
#include <regex>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

using json = nlohmann::ordered_json;

static std::vector<std::regex> keep, drop;

using create_t = ggml_tensor * (*)(llama_model_loader *, const llama_hparams &, const buft_list_t *, const buft_list_t *,
        const buft_list_t *, const buft_list_t *, const LLM_TN_IMPL &, const std::initializer_list<int64_t> &, int);

// Stands before the library's own: a model made from metadata has every optional tensor unless it is refused here.
ggml_tensor * llama_model_loader::create_tensor(const llama_hparams & hparams, const buft_list_t * cpu,
        const buft_list_t * input, const buft_list_t * output, const buft_list_t * layer, const LLM_TN_IMPL & tn,
        const std::initializer_list<int64_t> & ne, int flags) {
    static auto real = (create_t) dlsym(RTLD_NEXT,
        "_ZN18llama_model_loader13create_tensorERK13llama_hparamsPKSt6vectorISt4pairIP19ggml_backend_deviceP24ggml_backend_"
        "buffer_typeESaIS9_EESD_SD_SD_RK11LLM_TN_IMPLRKSt16initializer_listIlEi");
    const std::string name = tn.str();
    const auto matches = [&](const std::regex & r) { return std::regex_search(name, r); };
    if ((flags & TENSOR_NOT_REQUIRED) && std::none_of(keep.begin(), keep.end(), matches)) {
        return nullptr;
    }
    if (std::any_of(drop.begin(), drop.end(), matches)) {
        return nullptr;
    }
    return real(this, hparams, cpu, input, output, layer, tn, ne, flags & ~TENSOR_SKIP_IF_VIRTUAL);
}

static void no_data(ggml_tensor *, void *) {}

static ggml_type type_of(const std::string & name) {
    for (int i = 0; i < GGML_TYPE_COUNT; i++) {
        const char * known = ggml_type_name((ggml_type) i);
        if (known && name == known) {
            return (ggml_type) i;
        }
    }
    throw std::runtime_error("type " + name);
}

// ggml_backend_cuda_device_offload_op
static bool takes_over(ggml_backend_dev_t, const ggml_tensor * op) {
    switch (op->op) {
        case GGML_OP_GET_ROWS:   return false;
        case GGML_OP_MUL_MAT:    return op->ne[1] >= 32;
        case GGML_OP_MUL_MAT_ID:
        case GGML_OP_ROPE:
        case GGML_OP_ROPE_BACK:  return op->ne[2] >= 32;
        default:                 return ggml_nrows(op) >= 32;
    }
}

static std::string warnings;

static void remember(ggml_log_level level, const char * text, void *) {
    if (level >= GGML_LOG_LEVEL_WARN) {
        warnings += text;
    }
}

static gguf_context * metadata(const json & pairs) {
    gguf_context * meta = gguf_init_empty();
    for (auto & [name, v] : pairs.items()) {
        const char * key = name.c_str();
        if (v.is_string()) {
            gguf_set_val_str(meta, key, v.get<std::string>().c_str());
        } else if (v.is_boolean()) {
            gguf_set_val_bool(meta, key, v.get<bool>());
        } else if (v.is_number_float()) {
            gguf_set_val_f32(meta, key, v.get<float>());
        } else if (v.is_number()) {
            gguf_set_val_u32(meta, key, v.get<uint32_t>());
        } else if (v[0].is_boolean()) {
            std::vector<uint8_t> x;
            for (auto & e : v) {
                x.push_back(e.get<bool>());
            }
            gguf_set_arr_data(meta, key, GGUF_TYPE_BOOL, x.data(), x.size());
        } else if (v[0].is_number_float()) {
            auto x = v.get<std::vector<float>>();
            gguf_set_arr_data(meta, key, GGUF_TYPE_FLOAT32, x.data(), x.size());
        } else {
            auto x = v.get<std::vector<uint32_t>>();
            gguf_set_arr_data(meta, key, GGUF_TYPE_UINT32, x.data(), x.size());
        }
    }
    return meta;
}

static json measure(gguf_context * meta, const json & s, const std::vector<ggml_backend_dev_t> & rpc, bool real) {
    const bool cpu = s.value("placement", "cpu") == "cpu";
    const int experts = s.value("n_cpu_moe", 0);
    auto mp = llama_model_default_params();
    std::vector<ggml_backend_dev_t> devices;
    for (int i = 0; !cpu && i < s.value("devices", 1); i++) {
        devices.push_back(rpc.at(i));
    }
    devices.push_back(nullptr);
    mp.devices = devices.data();
    mp.n_gpu_layers = s.value("ngl", cpu ? 0 : 999);
    mp.no_alloc = !real;
    std::vector<std::string> patterns;
    for (int i = 0; i < experts; i++) {
        patterns.push_back("blk\\." + std::to_string(i) + "\\.ffn_(up|down|gate|gate_up)_(ch|)exps");
    }
    std::vector<llama_model_tensor_buft_override> overrides;
    for (auto & p : patterns) {
        overrides.push_back({ p.c_str(), ggml_backend_cpu_buffer_type() });
    }
    overrides.push_back({ nullptr, nullptr });
    mp.tensor_buft_overrides = experts ? overrides.data() : nullptr;

    auto cp = llama_context_default_params();
    cp.n_ctx = s.value("n_ctx", 4096);
    cp.n_batch = s.value("n_batch", 2048);
    cp.n_ubatch = s.value("n_ubatch", 512);
    cp.n_seq_max = s.value("n_seq", 1);
    cp.n_outputs_max = s.value("n_outputs_max", 0);
    cp.flash_attn_type = s.value("flash_attn", true) ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    cp.type_k = type_of(s.value("type_k", "f16"));
    cp.type_v = type_of(s.value("type_v", "f16"));
    cp.swa_full = s.value("swa_full", false);
    cp.kv_unified = s.value("kv_unified", false);
    cp.offload_kqv = s.value("offload_kqv", true);
    cp.op_offload = s.value("op_offload", true);

    json out;
    warnings.clear();
    llama_model * model = llama_model_init_from_user(meta, no_data, nullptr, mp);
    llama_context * ctx = model ? llama_init_from_model(model, cp) : nullptr;
    if (ctx) {
        for (auto & [buft, d] : llama_get_memory_breakdown(ctx)) {
            out["mem"].push_back({ { "buft", ggml_backend_buft_name(buft) }, { "model", d.model },
                                   { "context", d.context }, { "compute", d.compute } });
        }
        llama_free(ctx);
    } else {
        out["error"] = warnings;
    }
    llama_model_free(model);
    return out;
}

int main(int argc, char ** argv) {
    const int count = argc > 1 ? atoi(argv[1]) : 1;
    const int port = argc > 2 ? atoi(argv[2]) : 50611;
    llama_log_set(remember, nullptr);
    std::vector<std::string> endpoints;
    std::vector<pid_t> servers;
    for (int i = 0; i < count; i++) {
        endpoints.push_back("127.0.0.1:" + std::to_string(port + i));
        const pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            freopen("/dev/null", "w", stdout);
            ggml_backend_dev_t dev = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
            ggml_backend_rpc_start_server(endpoints.back().c_str(), nullptr, 1, 1, &dev);
            _exit(0);
        }
        servers.push_back(pid);
    }
    llama_backend_init();
    usleep(500000);
    std::vector<ggml_backend_dev_t> rpc;
    for (auto & endpoint : endpoints) {
        ggml_backend_reg_t reg = ggml_backend_rpc_add_server(endpoint.c_str());
        for (size_t i = 0; i < ggml_backend_reg_dev_count(reg); i++) {
            rpc.push_back(ggml_backend_reg_dev_get(reg, i));
            if (getenv("OP_OFFLOAD")) {
                rpc.back()->iface.offload_op = takes_over;
            }
        }
    }
    for (std::string line; std::getline(std::cin, line);) {
        const json in = json::parse(line);
        keep.clear();
        drop.clear();
        for (auto & r : in.value("keep", json::array())) {
            keep.emplace_back(r.get<std::string>());
        }
        for (auto & r : in.value("drop", json::array())) {
            drop.emplace_back(r.get<std::string>());
        }
        gguf_context * meta = metadata(in["kv"]);
        for (auto & s : in["settings"]) {
            json out = measure(meta, s, rpc, in.value("real", false));
            out["name"] = in["name"];
            out["settings"] = s;
            std::cout << out.dump() << std::endl;
        }
        gguf_free(meta);
    }
    for (pid_t pid : servers) {
        kill(pid, SIGKILL);
    }
}
