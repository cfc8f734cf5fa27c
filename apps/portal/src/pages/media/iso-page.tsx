export function IsoPage() {
  return <h1>IsoPage</h1>;
}
