//! A weighted choice of requests, from its text to the templates of the hot loop.

use super::draw::Rng;
use super::expect::{Check, Expect};
use super::failure::Failure;
use super::template::{Shape, Template};
use super::workload::{Answer, INLINE, Load, MIXES, Workload, named};

/// How many request sizes stand for a range of value sizes.
const SIZES_PER_RANGE: usize = 16;

/// How much a reply has to prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Any reply will do; for a server that only echoes.
    Unchecked,
    /// The type and size must be right; null means that there was nothing.
    MayMiss,
    /// Everything asked for is there, unless the requests themselves take it away.
    AllThere,
}

/// One kind of request and how often it comes.
#[derive(Debug, Clone)]
struct Part {
    weight: u32,
    name: &'static str,
    line: String,
    answer: Answer,
    load: Load,
    removes: bool,
}

/// What a run sends.
#[derive(Debug, Clone)]
pub(crate) struct Blend {
    /// The name to report it under.
    pub(crate) name: String,
    parts: Vec<Part>,
}

/// The least and the most bytes of a value.
pub(crate) type ValueSizes = (usize, usize);

impl Blend {
    /// The named workload or mix.
    pub(crate) fn named(name: &str) -> Result<Blend, Failure> {
        if let Some(workload) = named(name) {
            return Ok(Blend { name: name.to_owned(), parts: vec![part(1, workload)] });
        }
        match MIXES.iter().find(|(mix, _)| *mix == name) {
            Some((_, text)) => Ok(Blend { name: name.to_owned(), ..Blend::mix(text)? }),
            None => Err(Failure::Usage(format!("no workload is called `{name}`"))),
        }
    }

    /// Workloads with weights: `get:80,set:20`.
    pub(crate) fn mix(text: &str) -> Result<Blend, Failure> {
        let parts = text.split(',').map(|entry| {
            let (name, weight) = entry.split_once(':').unwrap_or((entry, "1"));
            let workload = named(name.trim())
                .ok_or_else(|| Failure::Usage(format!("no workload is called `{}`", name.trim())))?;
            match weight.trim().parse() {
                Ok(weight) if weight > 0 => Ok(part(weight, workload)),
                _ => Err(Failure::Usage(format!("`{entry}` has no weight above 0"))),
            }
        });
        Ok(Blend { name: text.to_owned(), parts: parts.collect::<Result<_, _>>()? })
    }

    /// An arbitrary command line with placeholders; any reply but an error will do.
    pub(crate) fn command(line: &str) -> Blend {
        Blend::of(line, Answer::Anything)
    }

    /// A command line with what its replies must look like.
    pub(crate) fn of(line: &str, answer: Answer) -> Blend {
        let (load, removes, name) = (Load::Nothing, false, "");
        let part = Part { weight: 1, name, line: line.to_owned(), answer, load, removes };
        Blend { name: line.to_owned(), parts: vec![part] }
    }

    /// What has to be there beforehand, each load once.
    pub(crate) fn loads(&self) -> Vec<Load> {
        let mut loads = Vec::new();
        for part in &self.parts {
            if part.load != Load::Nothing && !loads.contains(&part.load) {
                loads.push(part.load);
            }
        }
        loads
    }

    /// Whether requests take things away that others look for.
    pub(crate) fn removes(&self) -> bool {
        self.parts.iter().any(|part| part.removes)
    }

    /// Whether every request takes something away, so that the load runs dry.
    pub(crate) fn drains(&self) -> bool {
        self.parts.iter().all(|part| part.removes)
    }

    /// Makes the templates.
    pub(crate) fn prepare(
        &self,
        shape: &Shape,
        values: ValueSizes,
        strictness: Strictness,
    ) -> Result<Picker, Failure> {
        let strict = strictness == Strictness::AllThere && !self.removes();
        let mut picker = Picker { templates: Vec::new(), upto: Vec::new() };
        for part in &self.parts {
            let answer = if strictness == Strictness::Unchecked { Answer::Anything } else { part.answer };
            let check = Check::new(expectation(answer, values, strict));
            if part.name == INLINE {
                picker.add(
                    u64::from(part.weight) * SIZES_PER_RANGE as u64,
                    Template::inline(&part.line, check),
                );
                continue;
            }
            let sizes = if part.line.contains("__value__") { sizes_between(values) } else { vec![values.0] };
            let weight = u64::from(part.weight) * (SIZES_PER_RANGE / sizes.len()) as u64;
            for value_size in sizes {
                let shape = Shape { value_size, ..*shape };
                picker.add(weight, Template::new(&part.line, &shape, check.clone())?);
            }
        }
        Ok(picker)
    }
}

fn part(weight: u32, workload: &Workload) -> Part {
    let Workload { name, line, answer, load, removes } = *workload;
    Part { weight, name, line: line.to_owned(), answer, load, removes }
}

/// One size, or [`SIZES_PER_RANGE`] sizes evenly from the least to the most.
fn sizes_between((least, most): ValueSizes) -> Vec<usize> {
    if least == most {
        return vec![least];
    }
    (0..SIZES_PER_RANGE).map(|step| least + (most - least) * step / (SIZES_PER_RANGE - 1)).collect()
}

fn expectation(answer: Answer, (least, most): ValueSizes, strict: bool) -> Expect {
    match answer {
        Answer::Ok => Expect::Exact(b"+OK\r\n"),
        Answer::Pong => Expect::Exact(b"+PONG\r\n"),
        Answer::Integer => Expect::Integer,
        Answer::Value => Expect::Bulk { least: least as u64, most: most as u64, or_null: !strict },
        Answer::Element => Expect::Bulk { least: 0, most: u64::MAX, or_null: true },
        Answer::Score => Expect::Number { or_null: !strict },
        Answer::Elements(count) => Expect::Elements { least: if strict { count } else { 0 }, most: count },
        Answer::UpTo(count) => Expect::Elements { least: 0, most: count },
        Answer::Anything => Expect::Anything,
    }
}

/// Templates and the choice among them.
#[derive(Debug, Clone)]
pub(crate) struct Picker {
    pub(crate) templates: Vec<Template>,
    /// The running sums of the weights.
    upto: Vec<u64>,
}

impl Picker {
    fn add(&mut self, weight: u64, template: Template) {
        self.upto.push(self.upto.last().copied().unwrap_or(0) + weight);
        self.templates.push(template);
    }

    /// The index of the next template.
    #[inline]
    pub(crate) fn pick(&self, rng: &mut Rng) -> usize {
        if let [_] = self.templates[..] {
            return 0;
        }
        let ticket = rng.below(self.upto.last().copied().unwrap_or(1));
        self.upto.iter().position(|&upto| ticket < upto).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Blend, Strictness, sizes_between};
    use crate::bench::draw::Rng;
    use crate::bench::template::Shape;
    use crate::bench::workload::{Load, MIXES, WORKLOADS};

    const SHAPE: Shape = Shape { keyspace: 1000, elements: 100, key_size: 16, value_size: 3 };

    #[test]
    fn all_named_workloads_and_mixes_can_be_prepared() {
        let names = WORKLOADS.iter().map(|workload| workload.name).chain(MIXES.iter().map(|(name, _)| *name));
        for name in names {
            let picker = Blend::named(name).unwrap().prepare(&SHAPE, (3, 3), Strictness::AllThere).unwrap();
            assert!(!picker.templates.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_mix_is_drawn_by_its_weights() {
        let picker =
            Blend::mix("get:80,set:20").unwrap().prepare(&SHAPE, (3, 3), Strictness::AllThere).unwrap();
        let mut rng = Rng::new(5);
        let sets = (0..10_000).filter(|_| picker.pick(&mut rng) == 1).count();
        assert!((1800..2200).contains(&sets), "{sets}");
    }

    #[test]
    fn a_range_of_value_sizes_does_not_change_the_weights() {
        let picker =
            Blend::mix("get:50,set:50").unwrap().prepare(&SHAPE, (10, 100), Strictness::AllThere).unwrap();
        assert_eq!(picker.templates.len(), 17);
        let mut rng = Rng::new(5);
        let gets = (0..10_000).filter(|_| picker.pick(&mut rng) == 0).count();
        assert!((4800..5200).contains(&gets), "{gets}");
        assert_eq!((sizes_between((10, 100))[0], sizes_between((10, 100))[15]), (10, 100));
    }

    #[test]
    fn loads_are_listed_once_and_removal_is_noticed() {
        let cache = Blend::named("mix_cache").unwrap();
        assert_eq!((cache.loads(), cache.removes()), (vec![Load::Keys], false));
        assert!(Blend::named("mix_hash").unwrap().removes());
    }

    #[test]
    fn unknown_names_and_bad_weights_are_refused() {
        for text in ["nope", "get:0", "get:x", "get:10,nope:1", ""] {
            assert!(Blend::mix(text).is_err(), "{text}");
        }
        assert!(Blend::named("get:1").is_err());
    }
}
