//! What a search wants: an area, an order, a number of members, and what is told or stored of each.
//!
//! Redis looks the key up first and reads the words then, for a centre may be a member. So does this.

use spinel_family::{CommandError, Key, Words, is_token};
use spinel_store::value::SortedSet;
use spinel_structs::geohash::{Box2d, Circle, Polygon, Position};
use spinel_structs::number::{parse_f64, parse_i64};
use spinel_structs::sorted_set::Order;

use super::area::Area;
use super::{read_position, read_unit_m};

/// The fewest corners of a polygon.
const MIN_VERTICES: usize = 3;

/// Which words a command knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `GEOSEARCH`
    Search,
    /// `GEOSEARCHSTORE`
    SearchStore,
    /// `GEORADIUS`, `GEORADIUSBYMEMBER`
    Radius,
    /// The same, only to read.
    RadiusRo,
}

impl Dialect {
    fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }
}

/// What is told of each member.
#[derive(Clone, Copy, Default)]
pub(super) struct With {
    pub(super) distance: bool,
    pub(super) hash: bool,
    pub(super) position: bool,
}

impl With {
    /// How many things that are.
    pub(super) fn len(self) -> usize {
        usize::from(self.distance) + usize::from(self.hash) + usize::from(self.position)
    }
}

/// What a search wants.
pub(super) struct Search<'a> {
    /// Nothing if there is no key.
    pub(super) area: Option<Area>,
    pub(super) unit_m: f64,
    pub(super) with: With,
    pub(super) order: Option<Order>,
    /// Members at most; 0: all.
    pub(super) count: usize,
    /// The first members that are found will do.
    pub(super) is_any: bool,
    pub(super) store: Option<Key<'a>>,
    /// What is stored is the distance.
    pub(super) stores_distance: bool,
}

/// What an area is to be.
enum By {
    Radius(f64),
    Box(f64, f64),
    Polygon(Polygon),
}

/// What was read.
struct Reading<'a, 'z> {
    words: Words<'a>,
    zset: Option<&'z SortedSet>,
    dialect: Dialect,
    from_member: bool,
    from_position: bool,
    centre: Option<Position>,
    by: Option<By>,
    search: Search<'a>,
}

/// Reads the position of a member.
fn member_position(zset: Option<&SortedSet>, member: &[u8]) -> Result<Option<Position>, CommandError> {
    let Some(zset) = zset else { return Ok(None) };
    let score = zset.score(member).ok_or(CommandError::text("ERR could not decode requested zset member"))?;
    Ok(Some(Position::of_score(score)))
}

fn read_length(words: &mut Words<'_>, error: &'static str) -> Result<f64, CommandError> {
    parse_f64(words.take()?).ok_or(CommandError::text(error))
}

/// Reads a radius and its unit.
fn read_radius(words: &mut Words<'_>) -> Result<(f64, f64), CommandError> {
    let radius = read_length(words, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(CommandError::text("ERR radius cannot be negative"));
    }
    Ok((radius, read_unit_m(words)?))
}

/// Where a search of the older commands has its centre.
pub(super) enum Centre {
    Position,
    Member,
}

impl<'a> Search<'a> {
    /// Reads the words of `GEOSEARCH` and `GEOSEARCHSTORE` behind their keys.
    pub(super) fn read(
        words: Words<'a>,
        zset: Option<&SortedSet>,
        store: Option<Key<'a>>,
    ) -> Result<Self, CommandError> {
        let dialect = if store.is_some() { Dialect::SearchStore } else { Dialect::Search };
        let mut reading = Reading::new(words, zset, dialect);
        reading.search.store = store;
        reading.options()?;
        reading.finish()
    }

    /// Reads the words of `GEORADIUS` and its kin behind their key.
    pub(super) fn read_radius(
        mut words: Words<'a>,
        zset: Option<&SortedSet>,
        centre: Centre,
        dialect: Dialect,
    ) -> Result<Self, CommandError> {
        let (centre, radius) = match centre {
            Centre::Position => (Some(read_position(&mut words)?), Some(read_radius(&mut words)?)),
            Centre::Member => match member_position(zset, words.take()?)? {
                Some(position) => (Some(position), Some(read_radius(&mut words)?)),
                // Without a key Redis does not look at the radius.
                None => {
                    words.split(2)?;
                    (None, None)
                }
            },
        };
        let mut reading = Reading::new(words, zset, dialect);
        reading.centre = centre;
        if let Some((radius, unit_m)) = radius {
            reading.by = Some(By::Radius(radius));
            reading.search.unit_m = unit_m;
        }
        reading.options()?;
        reading.finish()
    }
}

impl<'a, 'z> Reading<'a, 'z> {
    fn new(words: Words<'a>, zset: Option<&'z SortedSet>, dialect: Dialect) -> Self {
        let search = Search {
            area: None,
            unit_m: 1.0,
            with: With::default(),
            order: None,
            count: 0,
            is_any: false,
            store: None,
            stores_distance: false,
        };
        let (from_member, from_position) = (false, false);
        Self { words, zset, dialect, from_member, from_position, centre: None, by: None, search }
    }

    fn options(&mut self) -> Result<(), CommandError> {
        while !self.words.is_empty() {
            let word = self.words.take()?;
            if !(self.common_option(word)?
                || (self.dialect == Dialect::Radius && self.store_option(word)?)
                || (self.dialect.is_search() && self.search_option(word)?))
            {
                return Err(CommandError::Syntax);
            }
        }
        Ok(())
    }

    /// The options that all commands have; false if the word is none.
    fn common_option(&mut self, word: &[u8]) -> Result<bool, CommandError> {
        let search = &mut self.search;
        match word {
            _ if is_token(word, "WITHDIST") => search.with.distance = true,
            _ if is_token(word, "WITHHASH") => search.with.hash = true,
            _ if is_token(word, "WITHCOORD") => search.with.position = true,
            _ if is_token(word, "ANY") => search.is_any = true,
            _ if is_token(word, "ASC") => search.order = Some(Order::Ascending),
            _ if is_token(word, "DESC") => search.order = Some(Order::Descending),
            _ if is_token(word, "COUNT") && !self.words.is_empty() => {
                let count = parse_i64(self.words.take()?).ok_or(CommandError::NotInteger)?;
                let count = usize::try_from(count).ok().filter(|&count| count > 0);
                search.count = count.ok_or(CommandError::text("ERR COUNT must be > 0"))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn store_option(&mut self, word: &[u8]) -> Result<bool, CommandError> {
        let stores_distance = is_token(word, "STOREDIST");
        if !(stores_distance || is_token(word, "STORE")) || self.words.is_empty() {
            return Ok(false);
        }
        self.search.store = Some(self.words.key()?);
        self.search.stores_distance = stores_distance;
        Ok(true)
    }

    fn search_option(&mut self, word: &[u8]) -> Result<bool, CommandError> {
        let left = self.words.len();
        let is = |token: &str, values: usize| is_token(word, token) && left >= values;
        let (by_radius, by_box, by_polygon) = match self.by {
            None => (false, false, false),
            Some(By::Radius(_)) => (true, false, false),
            Some(By::Box(..)) => (false, true, false),
            Some(By::Polygon(_)) => (false, false, true),
        };
        if is("STOREDIST", 0) && self.dialect == Dialect::SearchStore {
            self.search.stores_distance = true;
        } else if is("FROMMEMBER", 1) && !self.from_position && !by_polygon {
            self.centre = member_position(self.zset, self.words.take()?)?;
            self.from_member = true;
        } else if is("FROMLONLAT", 2) && !self.from_member && !by_polygon {
            self.centre = Some(read_position(&mut self.words)?);
            self.from_position = true;
        } else if is("BYRADIUS", 2) && !by_box && !by_polygon {
            let (radius, unit_m) = read_radius(&mut self.words)?;
            self.by = Some(By::Radius(radius));
            self.search.unit_m = unit_m;
        } else if is("BYBOX", 3) && !by_radius && !by_polygon {
            self.read_box()?;
        } else if is("BYPOLYGON", 2) && !by_radius && !by_box && !self.from_member && !self.from_position {
            self.read_polygon()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn read_box(&mut self) -> Result<(), CommandError> {
        let width = read_length(&mut self.words, "ERR need numeric width")?;
        let height = read_length(&mut self.words, "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err(CommandError::text("ERR height or width cannot be negative"));
        }
        self.search.unit_m = read_unit_m(&mut self.words)?;
        self.by = Some(By::Box(width, height));
        Ok(())
    }

    fn read_polygon(&mut self) -> Result<(), CommandError> {
        let count = parse_i64(self.words.take()?).and_then(|count| i32::try_from(count).ok());
        let count = count.ok_or(CommandError::text("ERR invalid number of vertices"))?;
        let count = usize::try_from(count).unwrap_or(0);
        if count < MIN_VERTICES || self.words.len() / 2 < count {
            return Err(CommandError::text("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"));
        }
        let vertices: Result<Vec<_>, _> = (0..count).map(|_| read_position(&mut self.words)).collect();
        self.by = Some(By::Polygon(Polygon::new(vertices?)));
        Ok(())
    }

    /// Checks what belongs together.
    fn finish(self) -> Result<Search<'a>, CommandError> {
        let Self { dialect, mut search, centre, by, words, .. } = self;
        let name = words.command_name();
        if search.store.is_some() && search.with.len() > 0 {
            return Err(CommandError::text(match dialect {
                Dialect::SearchStore => {
                    "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
                }
                _ => {
                    "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
                }
            }));
        }
        if dialect.is_search() {
            let is_polygon = matches!(by, Some(By::Polygon(_)));
            if !(self.from_member || self.from_position || is_polygon) {
                let text = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
                return Err(CommandError::quoting(text, name, ""));
            }
            if by.is_none() {
                let text = "ERR exactly one of BYRADIUS and BYBOX can be specified for ";
                return Err(CommandError::quoting(text, name, ""));
            }
        }
        if search.is_any && search.count == 0 {
            return Err(CommandError::text("ERR the ANY argument requires COUNT argument"));
        }
        // Some of them, without any order, are the nearest.
        if search.count != 0 && search.order.is_none() && !search.is_any {
            search.order = Some(Order::Ascending);
        }
        let unit_m = search.unit_m;
        search.area = match (by, centre) {
            (Some(By::Polygon(polygon)), _) => Some(Area::Polygon(polygon)),
            (Some(By::Radius(radius)), Some(centre)) => {
                Some(Area::Circle(Circle { centre, radius_m: radius * unit_m }))
            }
            (Some(By::Box(width, height)), Some(centre)) => {
                Some(Area::Box(Box2d { centre, width_m: width * unit_m, height_m: height * unit_m }))
            }
            (None, _) | (_, None) => None,
        };
        Ok(search)
    }
}
