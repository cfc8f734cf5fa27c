/** VM, snapshot and datastore times: `yyyy-MM-dd HH:mm:ss`, UTC (contract, times and units). */
export function wireDateTime(at: Date | number): string {
  return new Date(at).toISOString().slice(0, 19).replace("T", " ");
}

/** Task and alarm times: epoch milliseconds as text; `""` while there is none. */
export function wireMillis(at: Date | number | null): string {
  return at === null ? "" : String(typeof at === "number" ? at : at.getTime());
}
