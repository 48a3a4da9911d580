using System;
using System.Linq;

static class Program
{
    static long SortAndCount(int[] ends, int[] spare, int from, int to)
    {
        if (to - from < 2) return 0;
        int middle = (from + to) / 2;
        long crossings = SortAndCount(ends, spare, from, middle) + SortAndCount(ends, spare, middle, to);
        int left = from, right = middle;
        for (int place = from; place < to; place++)
        {
            if (right == to || left < middle && ends[left] <= ends[right])
            {
                spare[place] = ends[left++];
            }
            else
            {
                crossings += middle - left;
                spare[place] = ends[right++];
            }
        }
        Array.Copy(spare, from, ends, from, to - from);
        return crossings;
    }

    static void Main()
    {
        int n = int.Parse(Console.ReadLine());
        var ends = Console.ReadLine()
            .Split((char[])null, StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToArray();
        Console.WriteLine(SortAndCount(ends, new int[n], 0, n));
    }
}
