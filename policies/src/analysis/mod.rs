//! What a policy's descriptor allows: spending paths, weights, costs.
