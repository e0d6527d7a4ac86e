import Graph

/// KL(p || q) of two diagonal Gaussians in closed form, in nats: [batch].
public func klDivergence(_ p: Normal, _ q: Normal) throws(GraphError) -> Tensor {
    let difference = try p.mean - q.mean
    let ratio = try p.logVariance - q.logVariance
    return try 0.5 * (exp(ratio) + difference * difference * exp(-q.logVariance) - ratio - 1).rowSum()
}

/// KL(p || standard normal) in closed form, in nats: [batch] (Kingma and Welling 2014, appendix B).
public func klDivergenceFromStandardNormal(_ p: Normal) throws(GraphError) -> Tensor {
    try 0.5 * (exp(p.logVariance) + p.mean * p.mean - p.logVariance - 1).rowSum()
}

/// log p(z) - log q(z) at a given draw z of p: an unbiased one-sample estimate of KL(p || q), in nats: [batch].
public func monteCarloKLDivergence(
    _ p: some Distribution, _ q: some Distribution, at z: Tensor
) throws(GraphError) -> Tensor {
    try p.logProb(z) - q.logProb(z)
}

/// -log p(z) at a given draw z of p: an unbiased one-sample estimate of the entropy of p, in nats: [batch]. For
/// distributions without a closed form: mixtures and flows.
public func monteCarloEntropy(_ p: some Distribution, at z: Tensor) throws(GraphError) -> Tensor { try -p.logProb(z) }
