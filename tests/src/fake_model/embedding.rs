//! Embeddings without a model: words and character trigrams, hashed into 64 numbers.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Enough that unrelated short texts rarely share many places, few enough to read in a failing test.
const DIMENSIONS: usize = 64;

/// A vector of length 1; the nearer two texts are in words and spelling, the nearer to 1 is the product of their vectors.
pub fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    let lower = text.to_lowercase();
    for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        add(&mut vector, word, 1.0);
        let padded: Vec<char> = format!(" {word} ").chars().collect();
        for trigram in padded.windows(3) {
            add(&mut vector, &trigram.iter().collect::<String>(), 0.5);
        }
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length == 0.0 {
        // A text without words still needs a direction.
        vector[0] = 1.0;
        return vector;
    }
    vector.iter().map(|value| value / length).collect()
}

fn add(vector: &mut [f32], feature: &str, weight: f32) {
    // `DefaultHasher::new` has fixed keys: the same text gives the same vector in every process.
    let mut hasher = DefaultHasher::new();
    feature.hash(&mut hasher);
    let hash = hasher.finish();
    let place = usize::try_from(hash % DIMENSIONS as u64).expect("below 64");
    // The sign keeps unrelated texts from drifting together as they grow.
    vector[place] += if hash >> 63 == 0 { weight } else { -weight };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(a: &str, b: &str) -> f32 {
        embed(a).iter().zip(embed(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn similar_texts_are_nearer_than_others() {
        assert!((product("Reset the router", "reset the ROUTER!") - 1.0).abs() < 1e-5);
        let near = product("how do I reset my router", "Resetting the router takes a minute");
        assert!(near > product("how do I reset my router", "Bake at 180 degrees until golden"));
        assert!((product("", "") - 1.0).abs() < f32::EPSILON);
    }
}
