/**
 * The suppression list as it is shown, and what became of a file for it. Pure data.
 */
/** An entry of the suppression list. */
export interface SuppressionView {
  address: string;
  /** Sender domain it holds for; null: all. */
  scope: string | null;
  reason: string;
  since: string;
  until: string | null;
  note?: string;
}

/** What became of a file of suppressed addresses. */
export interface SuppressionImportView {
  /** Entries written, new and replaced. */
  taken: number;
  /** Lines that could not be read. */
  faulty: number;
  /** The first of them. */
  faults: { line: number; what: string }[];
}
