// A model of one's own: defined, trained on an array, saved, loaded, and used.
import Pushforward

/// A variational autoencoder is a value and two functions; the names of the scopes are those in its checkpoints.
struct TinyVAE: VariationalAutoencoder {
    var latent = 2

    func posterior(_ x: Tensor, _ scope: Scope) throws -> Normal {
        let h = try relu(Dense(128)(x.flattened(), scope["hidden"]))
        return try Normal(mean: Dense(latent)(h, scope["mean"]), logVariance: Dense(latent)(h, scope["log_variance"]))
    }

    func likelihood(_ z: Tensor, _ scope: Scope) throws -> Bernoulli {
        let h = try relu(Dense(128)(z, scope["hidden"]))
        return try Bernoulli(logits: Dense(256)(h, scope["pixels"]).reshaped(1, 16, 16))
    }
}

/// A picture of 16 x 16 gray levels: a bright spot at (x, y).
func spot(x: Float, y: Float) -> [Float] {
    (0..<256).map { pixel in
        let (dx, dy) = (Float(pixel % 16) - x, Float(pixel / 16) - y)
        return max(0, 1 - (dx * dx + dy * dy) / 16)
    }
}

// A spot at each of 32 x 32 places, so that two latents can tell the pictures apart.
let values = (0..<1024).flatMap { spot(x: Float($0 % 32) / 2, y: Float($0 / 32) / 2) }
let spots = try Dataset(rows: values, shape: [1, 16, 16])

let training = try Training(TinyVAE(), on: spots, optimizer: .adam(learningRate: 2e-3), seed: 0)
try training.run(steps: 1500, batchSize: 128) { step in
    if step.index % 250 == 0 { print("step \(step.index): \(try step.loss()) nats") }
}
try training.finish().save(to: "runs/first")

let trained = try Trained<TinyVAE>(contentsOf: "runs/first")
print("codes of the first pictures:", try trained.encode(spots[0..<4]).mean.array)
print(try trained.evaluate(spots.train))
try trained.sample(count: 64, seed: 1).grid(columns: 8).write(to: "samples.png")
print("64 samples are in samples.png, the run is in runs/first")
