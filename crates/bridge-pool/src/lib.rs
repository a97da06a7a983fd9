//! Ready handlers by key: time to live, capacity, single flight, generations, leases.
