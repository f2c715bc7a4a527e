//! Embeddings as bytes, and the scan over them.
//!
//! A normalised vector keeps its direction well enough in eight bits a component, and a scan over 100,000 such rows
//! takes about two milliseconds on one core, so there is no approximate index to build, tune and keep in step.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::{Result, bail, ensure};
use simsimd::SpatialSimilarity;
use tantivy::directory::OwnedBytes;

/// Largest component of a row. A unit vector's components stay far below 1, so each row is stretched to use all eight
/// bits and carries its own scale.
const FULL: f32 = 127.0;

/// Bytes of the scale in front of each row.
const SCALE_BYTES: usize = 4;

/// Rows of one dimension, in the order of the index's documents.
#[derive(Clone)]
pub struct Vectors {
    rows: OwnedBytes,
    dimension: usize,
}

impl Vectors {
    /// Takes over encoded rows; refuses a length that is not whole rows.
    pub fn new(rows: OwnedBytes, dimension: usize) -> Result<Self> {
        ensure!(dimension > 0, "vectors have no components");
        ensure!(
            rows.len().is_multiple_of(row_bytes(dimension)),
            "{} bytes are not whole rows of dimension {dimension}",
            rows.len()
        );
        Ok(Self { rows, dimension })
    }

    /// Components of each vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of rows, those without a vector included.
    pub fn len(&self) -> usize {
        self.rows.len() / row_bytes(self.dimension)
    }

    /// Whether there is no row at all.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The encoded row; none where the passage has no vector.
    pub fn row(&self, row: usize) -> Option<&[u8]> {
        let bytes = row_bytes(self.dimension);
        let row = self.rows.as_slice().get(row * bytes..(row + 1) * bytes)?;
        (scale(row) > 0.0).then_some(row)
    }

    /// Cosine of a prepared question with one row; none where the passage has no vector.
    pub fn similarity(&self, question: &Question, row: usize) -> Option<f32> {
        self.row(row).map(|row| question.similarity(row))
    }

    /// The `limit` rows nearest to the question among those that `alive` lets pass, best first, and the mean
    /// similarity of all.
    pub fn nearest(&self, question: &Question, limit: usize, alive: impl Fn(usize) -> bool) -> Nearest {
        let mut heap: BinaryHeap<Reverse<Candidate>> = BinaryHeap::with_capacity(limit + 1);
        let (mut sum, mut counted) = (0.0_f64, 0_u32);
        let mut floor = f32::NEG_INFINITY;
        for (number, row) in self.rows.as_slice().chunks_exact(row_bytes(self.dimension)).enumerate() {
            let similarity = question.similarity(row);
            sum += f64::from(similarity);
            counted += 1;
            if similarity > floor && scale(row) > 0.0 && alive(number) {
                heap.push(Reverse(Candidate { similarity, row: number }));
                if heap.len() > limit {
                    heap.pop();
                    floor = heap.peek().map_or(floor, |Reverse(worst)| worst.similarity);
                }
            }
        }
        let mut rows: Vec<Candidate> = heap.into_iter().map(|Reverse(candidate)| candidate).collect();
        rows.sort_unstable_by(|a, b| b.cmp(a));
        #[expect(clippy::cast_possible_truncation, reason = "a mean of cosines fits")]
        let mean = if counted == 0 { 0.0 } else { (sum / f64::from(counted)) as f32 };
        Nearest { rows, mean }
    }
}

/// What [`Vectors::nearest`] found.
pub struct Nearest {
    /// Best first.
    pub rows: Vec<Candidate>,
    /// Mean similarity over every row: what "unrelated" looks like for this question and this model.
    pub mean: f32,
}

/// One row and how near it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Cosine, −1 to 1.
    pub similarity: f32,
    /// Number of the row.
    pub row: usize,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// By similarity; among equals the earlier row is the better one, so results do not depend on chance.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.similarity.total_cmp(&other.similarity).then(other.row.cmp(&self.row))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A question's vector, prepared for the scan.
pub struct Question {
    components: Vec<i8>,
    scale: f32,
}

impl Question {
    /// Prepares a question's vector; refuses one that [`encode`] refuses.
    pub fn new(vector: &[f32]) -> Result<Self> {
        let row = encode(vector)?;
        let components = bytemuck::cast_slice(&row[SCALE_BYTES..]).to_vec();
        Ok(Self { components, scale: scale(&row) })
    }

    /// Components of the vector.
    pub fn dimension(&self) -> usize {
        self.components.len()
    }

    fn similarity(&self, row: &[u8]) -> f32 {
        let dot = i8::dot(&self.components, bytemuck::cast_slice(&row[SCALE_BYTES..])).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "a sum of products of bytes")]
        let dot = dot as f32;
        dot * self.scale * scale(row)
    }
}

/// Bytes of one row.
pub fn row_bytes(dimension: usize) -> usize {
    SCALE_BYTES + dimension
}

fn scale(row: &[u8]) -> f32 {
    row.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
}

/// One row: the scale, then a byte per component. Refuses what has no direction: nothing, zeros, infinities.
pub fn encode(vector: &[f32]) -> Result<Vec<u8>> {
    let length = vector.iter().map(|c| f64::from(*c) * f64::from(*c)).sum::<f64>().sqrt();
    let largest = vector.iter().fold(0.0_f32, |largest, c| largest.max(c.abs()));
    if !length.is_finite() || largest <= 0.0 {
        bail!("an embedding with {} components has no direction", vector.len());
    }
    let mut row = Vec::with_capacity(row_bytes(vector.len()));
    #[expect(clippy::cast_possible_truncation, reason = "a component over the vector's length is at most 1")]
    let scale = (f64::from(largest) / length / f64::from(FULL)) as f32;
    row.extend(scale.to_le_bytes());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within ±127, stored as a byte")]
    row.extend(vector.iter().map(|c| (c / largest * FULL).round() as i8 as u8));
    Ok(row)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vectors(rows: &[&[f32]]) -> Vectors {
        let bytes: Vec<u8> = rows.iter().flat_map(|row| encode(row).unwrap()).collect();
        Vectors::new(OwnedBytes::new(bytes), rows[0].len()).unwrap()
    }

    #[test]
    fn the_nearest_rows_come_best_first_and_dead_ones_never() {
        let vectors = vectors(&[&[1.0, 0.0], &[0.0, 1.0], &[3.0, 3.0], &[-1.0, 0.0]]);
        let question = Question::new(&[2.0, 0.1]).unwrap();
        let rows = |alive: fn(usize) -> bool| -> Vec<usize> {
            vectors.nearest(&question, 3, alive).rows.iter().map(|found| found.row).collect()
        };
        assert_eq!(rows(|_| true), [0, 2, 1]);
        assert_eq!(rows(|row| row != 0), [2, 1, 3]);
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        for vector in [&[][..], &[0.0, 0.0], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0]] {
            assert!(encode(vector).is_err(), "{vector:?}");
        }
        assert!(Vectors::new(OwnedBytes::new(vec![0_u8; 7]), 2).is_err());
    }

    #[test]
    fn a_row_of_zeros_is_no_vector() {
        let mut bytes = encode(&[1.0, 0.0]).unwrap();
        bytes.extend([0; 6]);
        let vectors = Vectors::new(OwnedBytes::new(bytes), 2).unwrap();
        let question = Question::new(&[-1.0, 0.0]).unwrap();
        assert_eq!(vectors.nearest(&question, 5, |_| true).rows.len(), 1);
        assert_eq!(vectors.similarity(&question, 1), None);
    }

    proptest! {
        #[test]
        fn bytes_keep_the_cosine(a in prop::collection::vec(-1.0_f32..1.0, 48), b in prop::collection::vec(-1.0_f32..1.0, 48)) {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            prop_assume!(dot(&a, &a) > 0.1 && dot(&b, &b) > 0.1);
            let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
            let found = vectors(&[&b]).similarity(&Question::new(&a).unwrap(), 0).unwrap();
            prop_assert!((found - cosine).abs() < 0.02, "{found} for {cosine}");
        }
    }
}
