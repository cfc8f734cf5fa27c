export function DatastorePage() {
  return <h1>DatastorePage</h1>;
}
