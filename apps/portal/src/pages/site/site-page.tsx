export function SitePage() {
  return <h1>SitePage</h1>;
}
