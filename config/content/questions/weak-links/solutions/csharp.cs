using System;
using System.Collections.Generic;
using System.Linq;

static class Program
{
    static void Main()
    {
        var numbers = Console.In.ReadToEnd()
            .Split((char[])null, StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToArray();
        int n = numbers[0], m = numbers[1];
        var at = Enumerable.Range(0, n + 1).Select(_ => new List<int>()).ToArray();
        for (int cable = 0; cable < m; cable++)
        {
            at[numbers[2 + 2 * cable]].Add(cable);
            at[numbers[3 + 2 * cable]].Add(cable);
        }
        var visit = new int[n + 1];
        var low = new int[n + 1];
        var next = new int[n + 1];
        var enteredBy = new int[n + 1];
        var critical = new List<(int, int)>();
        int clock = 0;
        for (int root = 1; root <= n; root++)
        {
            if (visit[root] != 0) continue;
            visit[root] = low[root] = ++clock;
            enteredBy[root] = -1;
            var path = new Stack<int>();
            path.Push(root);
            while (path.Count > 0)
            {
                int box = path.Peek();
                if (next[box] < at[box].Count)
                {
                    int cable = at[box][next[box]++];
                    int there = numbers[2 + 2 * cable] + numbers[3 + 2 * cable] - box;
                    if (cable == enteredBy[box]) continue;
                    if (visit[there] != 0)
                    {
                        low[box] = Math.Min(low[box], visit[there]);
                        continue;
                    }
                    visit[there] = low[there] = ++clock;
                    enteredBy[there] = cable;
                    path.Push(there);
                    continue;
                }
                path.Pop();
                if (path.Count == 0) continue;
                int above = path.Peek();
                low[above] = Math.Min(low[above], low[box]);
                if (low[box] > visit[above]) critical.Add((Math.Min(above, box), Math.Max(above, box)));
            }
        }
        critical.Sort();
        Console.WriteLine(critical.Count);
        foreach (var cable in critical) Console.WriteLine(cable.Item1 + " " + cable.Item2);
    }
}
