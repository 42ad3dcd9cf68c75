//! Random numbers that are the same for the same seed, everywhere and for ever.
//!
//! SplitMix64 (Steele, Lea, Flood, 2014): one addition and three multiplications per number, passes BigCrush. A test that
//! failed must fail again next year, so the generator is ours and does not change.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of that seed.
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// The stream of that seed and name, so that neighbours with one seed do not run in step.
    pub fn named(seed: u64, name: &str) -> Random {
        let mut random = Random::new(seed);
        for byte in name.bytes() {
            random.state = random.state.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte);
            random.draw();
        }
        random
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        // The bias of the remainder is 2^-40 at the bounds used here.
        usize::try_from(self.draw() % bound as u64).expect("a number below a usize is one")
    }

    /// Whether an event of that chance in a thousand happens.
    pub fn chance(&mut self, per_mille: usize) -> bool {
        self.below(1000) < per_mille
    }

    /// One of the choices, which are not empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_seed_gives_the_published_stream() {
        // The first outputs of SplitMix64 for the seed 1234567, as its authors list them.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.draw(), 6_457_827_717_110_365_317);
        assert_eq!(random.draw(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn names_separate_streams() {
        assert_ne!(Random::named(1, "lists").draw(), Random::named(1, "sets").draw());
        assert_eq!(Random::named(1, "lists").draw(), Random::named(1, "lists").draw());
    }
}
