//! From records to statements: [`summary`] chooses the figures, [`stats`] says what the noise supports, [`verdict`]
//! says whether anything was wrong.

pub mod stats;
pub mod summary;
pub mod verdict;
