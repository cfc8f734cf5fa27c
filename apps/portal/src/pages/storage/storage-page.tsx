export function StoragePage() {
  return <h1>StoragePage</h1>;
}
