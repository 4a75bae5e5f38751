//! From records to statements: [`summary`] chooses the figures, [`stats`] says what the noise supports, [`utilization`]
//! what pauses leave to the program, [`overhead`] what a collector costs at least, [`advice`] which one fits;
//! [`verdict`] says whether anything was wrong.

pub mod advice;
pub mod overhead;
pub mod stats;
pub mod summary;
pub mod utilization;
pub mod verdict;
