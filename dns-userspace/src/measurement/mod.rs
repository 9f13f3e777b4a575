//! A measurement's story, in order:
//! schedule → probe → sample → health → rank → decide → compile → publish.
