def render(f,root,a):
    def q(v,x):
        v=sorted(v); return 100*v[min(len(v)-1,int(x*len(v)))] if v else 0
    def err(r,k): return [abs(a/b.us-1) for a,b in zip(getattr(r,k),r.points)]
    def line(n,rs):
        out=f'{n}: tables {len(rs)}'
        for k in ('predicted','line','pieces'):
            e=[x for r in rs if getattr(r,k) is not None for x in err(r,k)]
            if e: out+=f' | {k} n={len(e)} median {q(e,.5):.1f} p95 {q(e,.95):.1f} max {q(e,1):.1f}'
        return out
    t=[line('interp',f.interpolation.results)]
    for s in f.transfers+[f.presets]:
        t.append(line(s.name,s.results))
    t.append('--- per table')
    for s in [f.interpolation]+f.transfers+[f.presets]:
        t.append('## '+s.name)
        for r in s.results:
            if not r.points: continue
            w=max(zip(err(r,'predicted'),r.points,r.predicted),key=lambda x:x[0])
            t.append(line(f'{r.table.id}-{r.table.gpus}g [{r.base}] {r.fitted}p',[r])+f' worst {w[1].bytes} {w[1].us:.1f}->{w[2]:.1f}')
    return '\n'.join(t)+'\n'
