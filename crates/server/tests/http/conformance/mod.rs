//! The checklist of TorrServer's contract, point by point: `cNN` is the number of the point.
//!
//! Elsewhere are 18 (preflights) and 19 (who may do what), which belong to the guard, and 20 (`torrs://` links).

mod adding;
mod lists;
mod settings;
mod streaming;
mod viewed;
