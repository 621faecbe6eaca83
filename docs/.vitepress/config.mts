import { existsSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { defineConfig } from 'vitepress'

const repository = 'https://github.com/warren-mq/warren'
const root = resolve(import.meta.dirname, '../..')
const docs = resolve(root, 'docs')

const pages = (text: string, items: [string, string][]) => ({
  text,
  items: items.map(([text, link]) => ({ text, link: '/' + link })),
})

// Links of the pages to files outside docs/ lead to the repository. A link to a file that does
// not exist ends the build. TestDocsLinksLeadSomewhere also checks headings.
function repositoryLinks(md: any) {
  md.core.ruler.push('repository-links', (state: any) => {
    for (const token of state.tokens.flatMap((t: any) => t.children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null
      if (!href || /^([a-z]+:|#)/.test(href)) continue
      const [file, anchor] = href.split('#')
      const target = resolve(docs, dirname(state.env.relativePath), file)
      if (!existsSync(target)) throw new Error(`${state.env.relativePath}: link to ${href}: no such file`)
      if (file.endsWith('.md') && target.startsWith(docs + '/')) continue
      token.attrSet('href', `${repository}/blob/main/${relative(root, target)}${anchor ? '#' + anchor : ''}`)
    }
  })
}

export default defineConfig({
  title: 'Warren',
  description: 'Workers and a job runner for RabbitMQ',
  outDir: '../.site',
  cleanUrls: true,
  rewrites: { 'README.md': 'index.md' },
  // The dependencies are in this folder, so that docs/ has pages only.
  vite: { resolve: { alias: [{ find: /^vue(?=\/|$)/, replacement: resolve(import.meta.dirname, 'node_modules/vue') }] } },
  markdown: { config: repositoryLinks },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: repository }],
    sidebar: [
      pages('Start', [['Overview', ''], ['Getting started', 'getting-started'], ['RabbitMQ in five pictures', 'rabbitmq'], ['Comparison', 'comparison']]),
      pages('Write workers', [
        ['Recipes', 'recipes'], ['The runner', 'runner'], ['Calls', 'calls'], ['Partitions', 'partitions'],
        ['Bodies', 'bodies'], ['Limits', 'limits'], ['Contracts', 'contracts'], ['Testing', 'testing'],
      ]),
      pages('Run them', [
        ['Production checklist', 'production'], ['Operations', 'operations'], ['Deployment', 'deployment'],
        ['For platform teams', 'platform'], ['Versions of RabbitMQ', 'brokers'], ['Troubleshooting', 'troubleshooting'],
      ]),
      pages('Understand it', [['Delivery', 'delivery'], ['Architecture', 'architecture'], ['Reliability', 'reliability'], ['Performance', 'performance']]),
      pages('Look up', [['config.yaml', 'reference/configuration'], ['Commands', 'reference/commands'], ['Handlers in other languages', 'reference/handlers'], ['Headers', 'headers']]),
    ],
  },
})
