// hnswlib on the bench's data: M 16, efConstruction 200, built on one thread so that its CPU time is what is compared.
#include <hnswlib/hnswlib.h>
#include <thread>
#include "peer_common.h"

int main(int count, char** args) {
    Job job = read_job(count, args);
    hnswlib::L2Space l2(job.dimension);
    hnswlib::InnerProductSpace ip(job.dimension);
    hnswlib::SpaceInterface<float>* space = job.inner_product ? (hnswlib::SpaceInterface<float>*)&ip : &l2;
    long before = resident_kib();
    hnswlib::HierarchicalNSW<float> index(space, job.row_count(), 16, 200);
    double begun = cpu_seconds();
    for (size_t row = 0; row < job.row_count(); row++) index.addPoint(job.rows.data() + row * job.dimension, row);
    printf("build_cpu %.2f\nbytes %ld\n", cpu_seconds() - begun, (resident_kib() - before) * 1024);
    auto answer = [&](size_t from, size_t to, int32_t* ids) {
        for (size_t q = from; q < to; q++) {
            auto found = index.searchKnn(job.queries.data() + q * job.dimension, job.keep);
            for (int i = job.keep - 1; i >= 0 && !found.empty(); i--, found.pop()) ids[q * job.keep + i] = found.top().second;
        }
    };
    measure(job, [&](int ef) { index.setEf(ef); }, [&](int threads, int32_t* ids) {
        if (threads == 1) { answer(0, job.query_count(), ids); return; }
        std::thread other(answer, 0, job.query_count() / 2, ids);
        answer(job.query_count() / 2, job.query_count(), ids);
        other.join();
    });
}
