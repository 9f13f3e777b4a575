//! What RFCs ask of a server, case by case, asked of the userspace plane. The
//! cases know no plane: whoever includes `cases` beside a `runner` of its own
//! asks another one the same.

mod cases;
mod runner;
mod served;
