//! Which key comes next: the random numbers of the generator and the distributions made from them.
//!
//! Everything is reproducible from one seed and costs a few nanoseconds, because it runs once per operation on the
//! core that has to keep a fast server busy. Nothing here is fit for secrets.

/// SplitMix64 (Steele, Lea, Flood 2014): one addition and three mixes per number, any seed is a good seed.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next 64 random bits.
    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number in `0..bound`; the bias of the multiplication is below 2^-40 for every key space used here.
    #[inline]
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `0.0..1.0`.
    #[inline]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

/// How the indexes of a space of `count` things are visited.
#[derive(Debug, Clone)]
pub(crate) enum Draw {
    /// Each equally often.
    Uniform { count: u64 },
    /// A few very often.
    Zipf(Zipf),
    /// One after the other from `next`; for filling a space with exactly one of each.
    Sequence { next: u64 },
}

impl Draw {
    /// Uniform, or Zipf when an exponent is given.
    pub(crate) fn random(count: u64, exponent: Option<f64>) -> Draw {
        match exponent {
            Some(exponent) => Draw::Zipf(Zipf::new(count, exponent)),
            None => Draw::Uniform { count },
        }
    }

    /// The next index.
    #[inline]
    pub(crate) fn index(&mut self, rng: &mut Rng) -> u64 {
        match self {
            Draw::Uniform { count } => rng.below(*count),
            Draw::Zipf(zipf) => zipf.index(rng),
            Draw::Sequence { next } => {
                let index = *next;
                *next += 1;
                index
            }
        }
    }
}

/// Zipf's law by rejection-inversion (Hörmann and Derflinger 1996): no tables, constant time, any exponent above 0.
///
/// Rank 1 is the most frequent. The ranks are then scattered over the space by a multiplication that is a bijection,
/// so that hot keys are not neighbours.
#[derive(Debug, Clone)]
pub(crate) struct Zipf {
    count: u64,
    exponent: f64,
    area_first: f64,
    area_last: f64,
    shortcut: f64,
    scatter: u64,
}

impl Zipf {
    pub(crate) fn new(count: u64, exponent: f64) -> Zipf {
        let mut zipf = Zipf { count, exponent, area_first: 0.0, area_last: 0.0, shortcut: 0.0, scatter: 1 };
        zipf.area_first = zipf.area(1.5) - 1.0;
        zipf.area_last = zipf.area(count as f64 + 0.5);
        zipf.shortcut = 2.0 - zipf.area_inverse(zipf.area(2.5) - zipf.height(2.0));
        zipf.scatter = coprime_near(count);
        zipf
    }

    /// The next rank, `1..=count`.
    #[inline]
    fn rank(&self, rng: &mut Rng) -> u64 {
        loop {
            let area = self.area_last + rng.unit() * (self.area_first - self.area_last);
            let x = self.area_inverse(area);
            let rank = (x.round().max(1.0) as u64).min(self.count);
            let whole = rank as f64;
            if whole - x <= self.shortcut || area >= self.area(whole + 0.5) - self.height(whole) {
                return rank;
            }
        }
    }

    /// The next index, `0..count`.
    #[inline]
    fn index(&self, rng: &mut Rng) -> u64 {
        let rank = self.rank(rng) - 1;
        ((u128::from(rank) * u128::from(self.scatter)) % u128::from(self.count)) as u64
    }

    /// The unnormalised probability density, x^-s.
    fn height(&self, x: f64) -> f64 {
        (-self.exponent * x.ln()).exp()
    }

    /// The integral of the density from 1 to `x`.
    fn area(&self, x: f64) -> f64 {
        let power = 1.0 - self.exponent;
        if power.abs() < 1e-9 { x.ln() } else { (power * x.ln()).exp_m1() / power }
    }

    /// The `x` whose [`Zipf::area`] this is.
    fn area_inverse(&self, area: f64) -> f64 {
        let power = 1.0 - self.exponent;
        if power.abs() < 1e-9 { area.exp() } else { ((power * area).ln_1p() / power).exp() }
    }
}

/// A multiplier near the golden section of `count` that shares no factor with it.
fn coprime_near(count: u64) -> u64 {
    let mut candidate = ((count as f64 * 0.618_033_988_75) as u64).max(1);
    while greatest_common_divisor(candidate, count) != 1 {
        candidate += 1;
    }
    candidate
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::{Draw, Rng, Zipf};

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut a, mut b) = (Rng::new(7), Rng::new(7));
        assert!((0..100).all(|_| a.next() == b.next()));
        assert_ne!(Rng::new(7).next(), Rng::new(8).next());
    }

    #[test]
    fn uniform_draws_stay_in_the_space_and_reach_all_of_it() {
        let (mut rng, mut draw) = (Rng::new(1), Draw::random(10, None));
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            seen[draw.index(&mut rng) as usize] += 1;
        }
        assert!(seen.iter().all(|&times| (800..1200).contains(&times)), "{seen:?}");
    }

    #[test]
    fn a_sequence_visits_each_index_once() {
        let (mut rng, mut draw) = (Rng::new(1), Draw::Sequence { next: 5 });
        let visited: Vec<u64> = (0..4).map(|_| draw.index(&mut rng)).collect();
        assert_eq!(visited, [5, 6, 7, 8]);
    }

    #[test]
    fn zipf_ranks_follow_the_law() {
        let (count, exponent, draws) = (1000u64, 0.99f64, 200_000u32);
        let zipf = Zipf::new(count, exponent);
        let mut rng = Rng::new(42);
        let mut seen = vec![0u32; count as usize + 1];
        for _ in 0..draws {
            seen[zipf.rank(&mut rng) as usize] += 1;
        }
        let total: f64 = (1..=count).map(|rank| (rank as f64).powf(-exponent)).sum();
        for rank in [1usize, 2, 3, 10, 100] {
            let wanted = f64::from(draws) * (rank as f64).powf(-exponent) / total;
            let got = f64::from(seen[rank]);
            assert!((got - wanted).abs() < 5.0 * wanted.sqrt(), "rank {rank}: {got} instead of {wanted}");
        }
        assert_eq!(seen[0], 0);
    }

    #[test]
    fn zipf_works_at_exponent_one_and_for_a_single_key() {
        let mut rng = Rng::new(3);
        let one = Zipf::new(1, 1.0);
        assert!((0..100).all(|_| one.index(&mut rng) == 0));
        let many = Zipf::new(1_000_000, 1.0);
        assert!((0..1000).all(|_| many.index(&mut rng) < 1_000_000));
    }

    #[test]
    fn scattering_ranks_loses_none() {
        for count in [1u64, 2, 10, 97, 1000] {
            let zipf = Zipf::new(count, 0.99);
            let mut seen: Vec<u64> = (0..count).map(|rank| rank * zipf.scatter % count).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..count), "{count}");
        }
    }
}
