// One quickstart serves all tests that only look, and tests run one after the other: each measures programs of this machine, which has few processors.
[assembly: AssemblyFixture(typeof(Demarc.Live.Quickstart))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
