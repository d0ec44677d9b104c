// What both peers share: reading the data, finding the ef that reaches the recall, timing, and printing "name value" lines.
#pragma once
#include <sys/resource.h>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

struct Job {
    int dimension;
    bool inner_product;
    double recall;
    double seconds;
    std::vector<float> rows, queries;
    std::vector<int32_t> truth;
    int keep = 10;
    size_t row_count() const { return rows.size() / dimension; }
    size_t query_count() const { return queries.size() / dimension; }
};

template <typename T>
std::vector<T> read_all(const std::string& path) {
    FILE* file = fopen(path.c_str(), "rb");
    if (!file) { fprintf(stderr, "cannot read %s\n", path.c_str()); exit(1); }
    fseek(file, 0, SEEK_END);
    std::vector<T> values(ftell(file) / sizeof(T));
    fseek(file, 0, SEEK_SET);
    if (fread(values.data(), sizeof(T), values.size(), file) != values.size()) exit(1);
    fclose(file);
    return values;
}

inline Job read_job(int count, char** args) {
    if (count < 6) { fprintf(stderr, "usage: peer FOLDER DIMENSION L2|IP RECALL SECONDS\n"); exit(2); }
    std::string folder = args[1];
    return Job{atoi(args[2]), std::string(args[3]) == "IP", atof(args[4]), atof(args[5]),
               read_all<float>(folder + "/rows.f32"), read_all<float>(folder + "/queries.f32"), read_all<int32_t>(folder + "/truth.i32")};
}

inline double cpu_seconds() {
    rusage use;
    getrusage(RUSAGE_SELF, &use);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

inline long resident_kib() {
    long pages = 0, resident = 0;
    FILE* file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) return 0;
    fclose(file);
    return resident * 4;
}

// search(threads, ids) answers all queries and leaves keep ids for each.
inline void measure(const Job& job, const std::function<void(int)>& set_ef, const std::function<void(int, int32_t*)>& search) {
    std::vector<int32_t> found(job.query_count() * job.keep);
    double recall = 0;
    int ef = job.keep;
    for (;; ef += std::max(2, ef / 10)) {
        set_ef(ef);
        search(1, found.data());
        size_t hits = 0;
        for (size_t q = 0; q < job.query_count(); q++)
            for (int i = 0; i < job.keep; i++)
                for (int j = 0; j < job.keep; j++) hits += job.truth[q * job.keep + i] == found[q * job.keep + j];
        recall = double(hits) / found.size();
        if (recall >= job.recall || ef > 4000) break;
    }
    printf("ef %d\nrecall %.4f\n", ef, recall);
    for (int threads = 1; threads <= 2; threads++) {
        std::vector<double> rates, per_cpu;
        for (int run = 0; run < 6; run++) {
            auto begun = std::chrono::steady_clock::now();
            double cpu = cpu_seconds(), seconds = 0;
            size_t answered = 0;
            while (seconds < job.seconds) {
                search(threads, found.data());
                answered += job.query_count();
                seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
            }
            if (run == 0) continue;
            rates.push_back(answered / seconds);
            per_cpu.push_back(answered / (cpu_seconds() - cpu));
        }
        std::sort(rates.begin(), rates.end());
        std::sort(per_cpu.begin(), per_cpu.end());
        printf("qps%d %.1f\ncpu%d %.1f\n", threads, rates[rates.size() / 2], threads, per_cpu[per_cpu.size() / 2]);
        fflush(stdout);
    }
}
