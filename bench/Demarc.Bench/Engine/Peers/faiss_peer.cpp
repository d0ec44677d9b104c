// FAISS's HNSW over flat rows on the bench's data: M 16, efConstruction 200, built on one thread.
#include <faiss/IndexHNSW.h>
#include <omp.h>
#include "peer_common.h"

int main(int count, char** args) {
    Job job = read_job(count, args);
    omp_set_num_threads(1);
    faiss::IndexHNSWFlat index(job.dimension, 16, job.inner_product ? faiss::METRIC_INNER_PRODUCT : faiss::METRIC_L2);
    index.hnsw.efConstruction = 200;
    long before = resident_kib();
    double begun = cpu_seconds();
    index.add(job.row_count(), job.rows.data());
    printf("build_cpu %.2f\nbytes %ld\n", cpu_seconds() - begun, (resident_kib() - before) * 1024);
    std::vector<float> distances(job.query_count() * job.keep);
    std::vector<int64_t> labels(job.query_count() * job.keep);
    measure(job, [&](int ef) { index.hnsw.efSearch = ef; }, [&](int threads, int32_t* ids) {
        omp_set_num_threads(threads);
        index.search(job.query_count(), job.queries.data(), job.keep, distances.data(), labels.data());
        std::copy(labels.begin(), labels.end(), ids);
    });
}
